"""Registries of gradient rules, losses and digital optimisers, filled by one decorator line per entry.

A module of this package that registers something is found by itself: nothing else lists it. The operators that ohmflow
supports are those that have a gradient rule here, and no other list of them exists.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder

T = TypeVar("T")


@dataclass(frozen=True)
class Adjoint:
    """What a gradient rule works with."""

    builder: GraphBuilder
    node: ir.Node
    """The forward node."""
    gradient: ir.Value
    """∂loss/∂output, of the output's shape."""
    needed: tuple[bool, ...]
    """For each input of the node, whether its gradient is needed."""

    def input(self, index: int) -> ir.Value:
        """Return an input that the operator requires."""
        value = self.node.inputs[index]
        assert value is not None, f"{self.node.op_type} requires input {index}"
        return value

    @property
    def output(self) -> ir.Value:
        """The node's only output."""
        return self.node.outputs[0]

    def op(self, op_type: str, inputs: Sequence[ir.Value], **attributes: Any) -> ir.Value:
        """Append a backward node, named after the forward node."""
        return self.builder.op(op_type, inputs, f"{self.node.name}.backward.{op_type}", **attributes)


GradientRule = Callable[[Adjoint], Sequence[ir.Value | None]]
"""Returns ∂loss/∂input for each input of the node, None where it is not needed."""

RowRule = Callable[[ir.Node], str | None]
"""Says why the node mixes the rows of a batch (`axis must …, not …; do …`), or None if it works row by row."""


@dataclass(frozen=True)
class Operator:
    """A supported ONNX operator."""

    op_type: str
    summary: str
    """What the gradient is, one line for docs/operators.md."""
    gradient: GradientRule
    rows: RowRule
    module: str


@dataclass(frozen=True)
class LossParts:
    """A loss, spelled in the graph."""

    label: ir.Value
    """Graph input: the target."""
    rows: ir.Value
    """Loss of each sample, [batch]."""
    seed: ir.Value
    """The value that the gradient starts from: the model's output, or what feeds it."""
    gradient: ir.Value
    """∂(mean loss)/∂seed."""


LossRule = Callable[[GraphBuilder, ir.Value, ir.Value, str], LossParts]
"""(builder, model output, inv_batch, where) -> the loss of that output."""

OptimizerRule = Callable[[GraphBuilder, ir.Value, ir.Value, ir.Value], ir.Value]
"""(builder, parameter, gradient, lr) -> the parameter's next value."""


class Registry(Generic[T]):
    """Entries by name; a second entry under one name is a defect that names both owners."""

    def __init__(self, kind: str) -> None:
        """Hold entries of this kind, a word for messages."""
        self._kind = kind
        self._entries: dict[str, tuple[T, str]] = {}

    def add(self, name: str, entry: T, module: str) -> None:
        """Register an entry that `module` defines."""
        if name in self._entries:
            raise ValueError(f"{self._kind} '{name}' must have one owner, not {self._entries[name][1]} and {module}")
        self._entries[name] = (entry, module)

    def entries(self) -> Mapping[str, T]:
        """Return all entries by name, sorted."""
        _find_modules()
        return {name: self._entries[name][0] for name in sorted(self._entries)}


_operators: Registry[Operator] = Registry("gradient of")
_losses: Registry[LossRule] = Registry("loss")
_optimizers: Registry[OptimizerRule] = Registry("optimizer")


@functools.cache
def _find_modules() -> None:
    """Import every module of this package, so that each registers what it has."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)


def independent_rows(node: ir.Node) -> str | None:
    """Accept the node: it works element by element."""
    return None


def gradient(op_type: str, *, rows: RowRule = independent_rows) -> Callable[[GradientRule], GradientRule]:
    """Register the decorated function as the gradient rule of an ONNX operator.

    Args:
        op_type: the operator, in ONNX's own domain; array operators have no entry here.
        rows: why a node of this operator would mix the rows of a batch, if it would.
    """

    def register(rule: GradientRule) -> GradientRule:
        summary = (rule.__doc__ or "").strip().splitlines()[0]
        _operators.add(op_type, Operator(op_type, summary, rule, rows, rule.__module__), rule.__module__)
        return rule

    return register


def loss(name: str) -> Callable[[LossRule], LossRule]:
    """Register the decorated function as a loss."""

    def register(rule: LossRule) -> LossRule:
        _losses.add(name, rule, rule.__module__)
        return rule

    return register


def optimizer(name: str) -> Callable[[OptimizerRule], OptimizerRule]:
    """Register the decorated function as an optimiser of digital parameters."""

    def register(rule: OptimizerRule) -> OptimizerRule:
        _optimizers.add(name, rule, rule.__module__)
        return rule

    return register


def operators() -> Mapping[str, Operator]:
    """Return the supported ONNX operators by name."""
    return _operators.entries()


def losses() -> Mapping[str, LossRule]:
    """Return the losses by name."""
    return _losses.entries()


def optimizers() -> Mapping[str, OptimizerRule]:
    """Return the optimisers of digital parameters by name."""
    return _optimizers.entries()
