"""Reverse-mode differentiation of an array graph into a training graph.

Gradients flow from the loss to every value that depends on an array or on a parameter. The gradient of
y = mvm(x, w) is mvm_t(ȳ, w) for x, where something before x is trained, and the pair (x, ȳ) for w, which stays a pair:
`ohmflow::update` takes it as it is. Parameters are the trainable initialisers (see `ohmflow.compiler.arrays.fixed`)
that a gradient reaches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayGraph, ArrayInfo
from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.arrays.functions import DOMAIN, MVM, MVM_T, UPDATE, add_array_functions
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import set_source
from ohmflow.compiler.arrays.shapes import infer_shapes
from ohmflow.compiler.arrays.window_functions import FOLD, window_of
from ohmflow.compiler.arrays.work import WORK
from ohmflow.compiler.autodiff.expanding import expand
from ohmflow.compiler.autodiff.registry import (
    Adjoint,
    Expansion,
    NextState,
    OptimizerRule,
    Stepping,
    losses,
    operators,
    optimizers,
)
from ohmflow.compiler.autodiff.training_graph import (
    LabelInfo,
    MaskInfo,
    ParameterInfo,
    StateInfo,
    TrainingGraph,
    UpdateInfo,
)
from ohmflow.compiler.errors import UnsupportedError

T = TypeVar("T")


@dataclass
class _Tape:
    """What the backward sweep collects."""

    builder: GraphBuilder
    trained: set[ir.Value]  # values that depend on an array or a parameter
    gradients: dict[ir.Value, ir.Value] = field(default_factory=dict)
    factors: dict[tuple[str, int], tuple[ir.Value, ir.Value]] = field(default_factory=dict)  # (array, site) -> x, d

    def add(self, value: ir.Value, gradient: ir.Value) -> None:
        """Add a contribution to the gradient of a value."""
        known = self.gradients.get(value)
        self.gradients[value] = (
            gradient if known is None else self.builder.op("Add", [known, gradient], f"{value.name}.gradient")
        )


def inference_graph(graph: ArrayGraph) -> ir.Model:
    """Return the forward graph alone, for the entry `infer`: a copy that its owner may change."""
    return graph.model.clone()


def training_graph(graph: ArrayGraph, loss: str, source_name: str, optimizer: str = "sgd") -> TrainingGraph:
    """Differentiate an array graph.

    Args:
        graph: what `extract_arrays` returned; it is not changed.
        loss: name of a registered loss: `cross-entropy` or `mse`.
        source_name: what messages call the model, usually its file's name.
        optimizer: name of a registered optimiser for digital parameters.

    Returns:
        The training graph.

    Raises:
        UnsupportedError: unknown loss or optimiser, more than one output, nothing to train, an array that does not
            influence the loss.
    """
    loss_rule = _choose("loss", loss, losses(), source_name)
    optimizer_rule = _choose("optimizer", optimizer, optimizers(), source_name)
    model = graph.model.clone()
    set_source(model, source_name)
    if len(model.graph.outputs) != 1:
        names = ", ".join(f"'{value.name}'" for value in model.graph.outputs)
        raise UnsupportedError(
            f"{source_name}: a model to train must have one output, which the loss reads, not {names}; remove the rest"
        )
    data_inputs = tuple(value.name or "" for value in model.graph.inputs)
    arrays = {info.name: model.graph.initializers[info.name] for info in graph.arrays}
    forward = expand(model)
    expansions = [step for step in forward if isinstance(step, Expansion)]
    output = model.graph.outputs[0]

    builder = GraphBuilder(model.graph)
    inv_batch_name, lr_name = builder.reserve("inv_batch"), builder.reserve("lr")
    inv_batch = ir.Value(name=inv_batch_name, shape=ir.Shape([]), type=ir.TensorType(ir.DataType.FLOAT))
    lr = ir.Value(name=lr_name, shape=ir.Shape([]), type=ir.TensorType(ir.DataType.FLOAT))
    parts = loss_rule(builder, output, inv_batch, source_name)
    model.graph.inputs.extend([lr, inv_batch])
    mean_loss = builder.op("ReduceMean", [parts.rows], "loss", keepdims=0)

    tape = _Tape(builder, _trained_values(forward))
    tape.add(parts.seed, parts.gradient)
    for node in reversed(forward):
        _backward(tape, node)

    parameters = _parameters(forward, tape, set(arrays.values()))
    _check_trained(graph, tape, parameters, source_name)
    next_arrays, updates = _update_arrays(tape, graph.arrays, arrays, lr)
    next_parameters, optimizer_states = _step(optimizer_rule, tape, parameters, lr)
    states = [*(state for expansion in expansions for state in expansion.states), *optimizer_states]
    model.graph.outputs.extend([mean_loss, *next_arrays, *next_parameters, *(state.next for state in states)])
    add_array_functions(model, {MVM, MVM_T, UPDATE})
    infer_shapes(model)
    return TrainingGraph(
        model=model,
        arrays=graph.arrays,
        data_inputs=data_inputs,
        label=_label(parts.label),
        lr=lr_name,
        inv_batch=inv_batch_name,
        outputs=(output.name or "",),
        loss=mean_loss.name or "",
        loss_rows=parts.rows.name or "",
        parameters=tuple(
            ParameterInfo(value.name or "", _static(value), following.name or "")
            for value, following in zip(parameters, next_parameters, strict=True)
        ),
        updates=updates,
        loss_kind=loss,
        optimizer=optimizer,
        states=tuple(_state(state) for state in states),
        masks=tuple(MaskInfo(m.value.name or "", m.keep) for expansion in expansions for m in expansion.masks),
    )


def _choose(kind: str, name: str, known: Mapping[str, T], source_name: str) -> T:
    if name not in known:
        raise UnsupportedError(
            f"{source_name}: {kind} must be one of {', '.join(known)}, not {name}; choose one of them"
        )
    return known[name]


def _step(
    rule: OptimizerRule, tape: _Tape, parameters: Sequence[ir.Value], lr: ir.Value
) -> tuple[list[ir.Value], list[NextState]]:
    """Let the optimiser step every parameter; also the states that it owns."""
    results: list[ir.Value] = []
    stepping: Stepping | None = None
    for value in parameters:
        gradient = tape.gradients[value]
        if stepping is None:
            stepping = Stepping(tape.builder, value, gradient, lr, [])
        else:
            stepping = stepping.for_parameter(value, gradient)
        results.append(rule(stepping))
    return results, [] if stepping is None else stepping.states


def _state(state: NextState) -> StateInfo:
    return StateInfo(
        state.value.name or "", _static(state.value), state.next.name or "", state.kind, exported=state.exported
    )


def _trained_values(nodes: Sequence[ir.Node | Expansion]) -> set[ir.Value]:
    """Return the values that depend on a trainable initialiser, those initialisers included."""
    trained: set[ir.Value] = set()
    for node in nodes:
        trained.update(value for value in node.inputs if value is not None and is_trainable(value))
        if any(value in trained for value in node.inputs):
            trained.update(node.outputs)
    return trained


def _backward(tape: _Tape, node: ir.Node | Expansion) -> None:
    """Pass the gradient of the node's output on to its inputs."""
    gradient = tape.gradients.get(node.outputs[0])
    if gradient is None or node.outputs[0] not in tape.trained:
        return
    if isinstance(node, Expansion):
        for value, result in zip(node.inputs, node.gradient(tape.builder, gradient), strict=True):
            if value in tape.trained and value is not None and result is not None:
                tape.add(value, result)
        return
    if (node.domain, node.op_type) == (DOMAIN, MVM):
        _backward_mvm(tape, node, gradient)
        return
    window = window_of(node)
    if window is not None:
        x, name = node.inputs[0], f"{node.name}.backward.{FOLD}"
        if x is not None and x in tape.trained:
            function, figures = f"{FOLD}_{window.name}", list(window.numbers)
            tape.add(x, tape.builder.op(function, [gradient], name, domain=DOMAIN, window=figures))
        return
    needed = tuple(value in tape.trained for value in node.inputs)
    rule = operators()[node.op_type].gradient
    assert rule is not None, "what has no gradient has a training form"
    results = rule(Adjoint(tape.builder, node, gradient, needed))
    _tell_work(node, results)
    for value, result, wanted in zip(node.inputs, results, needed, strict=True):
        if wanted and value is not None and result is not None:
            tape.add(value, result)


def _tell_work(node: ir.Node, results: Sequence[ir.Value | None]) -> None:
    """A stand-in (see `ohmflow.compiler.frontend.stand_ins`) takes its work again on the way back."""
    told = node.metadata_props.get(WORK)
    producer = next((r.producer() for r in results if r is not None), None)
    if told is not None and producer is not None:
        producer.metadata_props[WORK] = told


def _backward_mvm(tape: _Tape, node: ir.Node, gradient: ir.Value) -> None:
    x, w = node.inputs
    assert x is not None and w is not None
    array, site = node.attributes["array"].as_string(), node.attributes["site"].as_int()
    tape.factors[array, site] = (x, gradient)
    if x in tape.trained:
        name = f"{node.name}.backward.{MVM_T}"
        tape.add(x, tape.builder.op(MVM_T, [gradient, w], name, domain=DOMAIN, array=array, site=site))


def _parameters(forward: Sequence[ir.Node | Expansion], tape: _Tape, arrays: set[ir.Value]) -> list[ir.Value]:
    """Return the digital parameters, in the order in which the forward pass first uses them."""
    used = dict.fromkeys(value for node in forward for value in node.inputs if value is not None)
    return [value for value in used if value in tape.gradients and value not in arrays and is_trainable(value)]


def _check_trained(graph: ArrayGraph, tape: _Tape, parameters: list[ir.Value], source_name: str) -> None:
    for info in graph.arrays:
        for site, node in enumerate(info.nodes):
            if (info.name, site) not in tape.factors:
                raise UnsupportedError(
                    f"{source_name}: node '{node}': its array '{info.name}' must influence the loss, not be without a "
                    "gradient; remove the node, or keep it out of the model to train"
                )
    if not graph.arrays and not parameters:
        raise UnsupportedError(
            f"{source_name}: the model must have a float32 initialiser to train, not constants only; "
            "export its weights as initialisers"
        )


def _update_arrays(
    tape: _Tape, infos: Sequence[ArrayInfo], arrays: dict[str, ir.Value], lr: ir.Value
) -> tuple[list[ir.Value], tuple[UpdateInfo, ...]]:
    """Chain the updates of every array in the order of its sites."""
    results, updates = [], []
    for info in infos:
        value = arrays[info.name]
        for site in range(len(info.nodes)):
            x, d = tape.factors[info.name, site]
            last = site + 1 == len(info.nodes)
            name = f"{info.name}.next" if last else f"{info.name}.after_site_{site}"
            value = tape.builder.op(UPDATE, [value, x, d, lr], name, domain=DOMAIN, array=info.name, site=site)
            updates.append(UpdateInfo(info.name, site, value.name or ""))
        results.append(value)
    return results, tuple(updates)


def _label(value: ir.Value) -> LabelInfo:
    assert value.shape is not None and value.dtype is not None
    return LabelInfo(
        value.name or "", value.dtype, tuple(d if isinstance(d, int) else str(d.value) for d in value.shape)
    )


def _static(value: ir.Value) -> tuple[int, ...]:
    assert value.const_value is not None
    return tuple(int(length) for length in value.const_value.shape.numpy())
