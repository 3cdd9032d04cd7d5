"""Registries of gradient rules, losses and digital optimisers, filled by one decorator line per entry.

A module of this package that registers something is found by itself: nothing else lists it. The operators that ohmflow
supports are those that have a gradient rule here, and no other list of them exists.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.fixed import mark_fixed
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import at

T = TypeVar("T")

STREAMS = "ohmflow.streams"
"""Metadata of the last node of a way back through a pool: `operand,operand;stride,pad,rows`, the operands' names and
the pool's figures along the height, where its nodes lose sight of rows (see `ohmflow.compiler.lowering.row_steps`)."""


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
class NextState:
    """A state that a step changes beside the parameters."""

    value: ir.Value
    """The initialiser that holds it."""
    next: ir.Value
    """What it holds after the step."""
    kind: str
    """Kind of the tile IR's state: `statistic`, `hidden` or `counter`."""
    exported: bool
    """Whether it is an initialiser of the source model, to be written back there."""


@dataclass(frozen=True)
class NextMask:
    """A graph input that the machine draws: 1 with probability `keep`, else 0, for each element of each sample."""

    value: ir.Value
    keep: float


@dataclass(frozen=True)
class Expanding:
    """What a training form works with."""

    builder: GraphBuilder
    """It builds in front of the node."""
    node: ir.Node
    model: ir.Model

    @property
    def where(self) -> str:
        """The model and the node, for messages."""
        return at(self.model, self.node)

    def op(self, op_type: str, inputs: Sequence[ir.Value], part: str, **attributes: Any) -> ir.Value:
        """Append a forward node; its result is called after the node's and `part`."""
        return self.builder.op(op_type, inputs, f"{self.node.outputs[0].name}.{part}", **attributes)


@dataclass(frozen=True)
class Expansion:
    """What stands in a training graph for an operator that does something else there than in inference."""

    name: str
    """Of the node."""
    inputs: tuple[ir.Value | None, ...]
    outputs: tuple[ir.Value, ...]
    """One value, which takes the place of the node's output."""
    gradient: Callable[[GraphBuilder, ir.Value], Sequence[ir.Value | None]]
    """(builder, ∂loss/∂output) -> ∂loss/∂input for each input, None where there is none."""
    states: tuple[NextState, ...] = ()
    masks: tuple[NextMask, ...] = ()


FormRule = Callable[[Expanding], Expansion]
"""Spells a node in standard operators, as training does it."""


@dataclass(frozen=True)
class Operator:
    """A supported ONNX operator: it has a gradient, or else a form of its own in training."""

    op_type: str
    summary: str
    """What the gradient is, one line for docs/operators.md."""
    gradient: GradientRule | None
    form: FormRule | None
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


@dataclass
class Stepping:
    """What an optimiser works with: one parameter, and states of its own if it wants any."""

    builder: GraphBuilder
    parameter: ir.Value
    gradient: ir.Value
    """∂loss/∂parameter, of the parameter's shape."""
    lr: ir.Value
    states: list[NextState]
    """Of all parameters so far."""
    _shared: dict[str, ir.Value] = field(default_factory=dict)

    def for_parameter(self, parameter: ir.Value, gradient: ir.Value) -> "Stepping":
        """The same for another parameter; states and the counter go on."""
        return Stepping(self.builder, parameter, gradient, self.lr, self.states, self._shared)

    def op(self, op_type: str, inputs: Sequence[ir.Value], part: str, **attributes: Any) -> ir.Value:
        """Append a node; its result is called after the parameter and `part`."""
        return self.builder.op(op_type, inputs, f"{self.parameter.name}.{part}", **attributes)

    def slot(self, name: str, change: Callable[[ir.Value], ir.Value], initial: float = 0.0) -> ir.Value:
        """Own a state of the parameter's shape and type.

        Args:
            name: what it is called, after the parameter.
            change: from its value before the step to its value after it.
            initial: the number that it starts with everywhere.

        Returns:
            Its value after the step.
        """
        assert self.parameter.const_value is not None
        start = np.full(self.parameter.const_value.shape.numpy(), initial, np.float32)
        return self._own(f"{self.parameter.name}.{name}", start, "hidden", change)

    def steps(self) -> ir.Value:
        """Count steps, from 1, in a state that all parameters share; int64, of rank 0."""
        if "steps" not in self._shared:
            one = self.builder.constant(np.array(1, dtype=np.int64), "int.1")
            self._shared["steps"] = self._own(
                "optimizer.steps",
                np.array(0, np.int64),
                "counter",
                lambda value: self.builder.op("Add", [value, one], f"{value.name}.next"),
            )
        return self._shared["steps"]

    def _own(self, name: str, start: Any, kind: str, change: Callable[[ir.Value], ir.Value]) -> ir.Value:
        value = self.builder.initializer(start, self.builder.reserve(name))
        mark_fixed(value)
        following = change(value)
        self.states.append(NextState(value, following, kind, exported=False))
        return following


OptimizerRule = Callable[[Stepping], ir.Value]
"""Returns the parameter's next value."""


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
        _add_operator(op_type, rule.__doc__, rule.__module__, rows, gradient=rule)
        return rule

    return register


def training_form(op_type: str, *, rows: RowRule = independent_rows) -> Callable[[FormRule], FormRule]:
    """Register the decorated function as what stands for an ONNX operator in a training graph.

    Args:
        op_type: the operator, in ONNX's own domain.
        rows: why a node of this operator would mix the rows of a batch in inference, if it would.
    """

    def register(rule: FormRule) -> FormRule:
        _add_operator(op_type, rule.__doc__, rule.__module__, rows, form=rule)
        return rule

    return register


def _add_operator(
    op_type: str,
    text: str | None,
    module: str,
    rows: RowRule,
    gradient: GradientRule | None = None,
    form: FormRule | None = None,
) -> None:
    summary = (text or "").strip().splitlines()[0]
    _operators.add(op_type, Operator(op_type, summary, gradient, form, rows, module), module)


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
