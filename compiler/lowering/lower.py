"""Lowering: from a training graph to tile IR, with its digital segments as ONNX functions.

The module holds the entries `program` (write the initial weights), `infer` (read all samples forward) and
`train_step`. In a training step, all samples flow forward, then back, through maps; then every array is updated by
its rule, the last layer's first, since its factors are ready first; then digital parameters step.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.arrays.array_graph import ArrayInfo
from ohmflow.compiler.arrays.extract import ENTRY_NAMES
from ohmflow.compiler.autodiff.training_graph import TrainingGraph
from ohmflow.compiler.lowering.entry_builder import EntryBuilder, row_type
from ohmflow.compiler.lowering.functions import segment_function, segment_record
from ohmflow.compiler.lowering.kept_states import KeptState, kept_values, trained_values
from ohmflow.compiler.lowering.overlap import Stages
from ohmflow.compiler.lowering.phases import needed_later, phases_of
from ohmflow.compiler.lowering.rule_parts import (
    READ_PART,
    composite_terms,
    declare_arrays,
    declare_segments,
    declare_states,
    digest,
    draw_values,
    part_names,
)
from ohmflow.compiler.lowering.schedule_items import Item, Section, make_sections
from ohmflow.compiler.lowering.segment_declaration import segment_declaration
from ohmflow.compiler.lowering.segments import cut_segments, is_array_operation
from ohmflow.compiler.lowering.update_arrays import held, update_arrays
from ohmflow.compiler.program.program import SegmentRecord, StateRecord
from ohmflow.compiler.rules.choosing import LayerRule
from ohmflow.compiler.rules.protocol import MAIN, Rule, RuleContext, part_symbol
from ohmflow.compiler.tile.attributes import WeightsAttr
from ohmflow.compiler.tile.entry import EntryOp, ReturnOp
from ohmflow.compiler.tile.pipelining import mark_lag
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.tokens import CommitOp, OpenOp, StateSetOp
from ohmflow.compiler.tile.transfer import ProgramOp

STATE_MARK = "ohmflow.state"


@dataclass(frozen=True)
class LowerOptions:
    """Choices fixed when lowering.

    Attributes:
        rule: name of the rule of arrays that `rules` does not list, for a program that only infers.
        rules: update rule of each array that is trained.
        depth: samples under way at once in a pipelined step, 0 for as many as it has stages; None for sequential.
        scheme: pulse scheme.
        alphas: scale of each array.
        verify: whether programming is verified.
        source_name: what messages call the model.
    """

    rule: str
    scheme: str
    alphas: Mapping[str, float]
    verify: bool
    source_name: str
    rules: Mapping[str, LayerRule] = field(default_factory=dict)
    depth: int | None = None


@dataclass
class Lowered:
    """What lowering gives.

    Attributes:
        module: the tile IR, without blocks.
        segments: ports of every digital segment.
        functions: their ONNX functions.
        states: digital parameters, running statistics, and what the optimiser remembers.
        weights: initial values of arrays [rows, cols] and states, by symbol.
        ports: graph values that are rows, scalars and results of each entry.
        draws: probability of a 1 of each random argument that a rule declared.
    """

    module: ModuleOp
    segments: list[SegmentRecord] = field(default_factory=list)
    functions: list[onnx.FunctionProto] = field(default_factory=list)
    states: list[StateRecord] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    ports: dict[str, tuple[list[ir.Value], list[ir.Value], list[ir.Value]]] = field(default_factory=dict)
    draws: dict[str, float] = field(default_factory=dict)


def lower(
    arrays: tuple[ArrayInfo, ...], inference: ir.Model, training: TrainingGraph | None, options: LowerOptions
) -> Lowered:
    """Lower a model.

    Args:
        arrays: its arrays.
        inference: its forward graph.
        training: its training graph, or None for a program that only infers.
        options: choices.

    Returns:
        The module and what stands outside it.

    Raises:
        UnsupportedError: a node mixes samples, or an array is read with more than one vector per sample.
    """
    lowered = Lowered(ModuleOp([]))
    graph = inference.graph if training is None else training.model.graph
    kinds = kept_values(inference.graph, arrays) if training is None else trained_values(training)
    taken = {*ENTRY_NAMES, *(info.name for info in arrays), *part_names(options.rules)}
    states: dict[str, str] = {}
    for name in kinds:
        states[name] = _free(name, taken)
        taken.add(states[name])
    _declare(lowered, arrays, graph, states, kinds, options)
    _lower_program(lowered, arrays, options)
    _lower_infer(lowered, inference, states, options)
    if training is not None:
        _lower_train_step(lowered, training, states, options)
    return lowered


def _free(name: str, taken: Collection[str]) -> str:
    """The name, lengthened until it is not taken."""
    while name in taken:
        name += "_"
    return name


def _declare(
    lowered: Lowered,
    arrays: tuple[ArrayInfo, ...],
    graph: ir.Graph,
    states: Mapping[str, str],
    kinds: Mapping[str, KeptState],
    options: LowerOptions,
) -> None:
    """Declare arrays and states, and keep their initial values."""
    for info in arrays:
        value = _numpy(graph.initializers[info.name])
        lowered.weights[info.name] = value
        key = WeightsAttr(info.name, "float32", digest(value))
        name = options.rules[info.name].rule.name if info.name in options.rules else options.rule
        lowered.module.body.block.add_op(ArrayOp(info.name, info.rows, info.cols, name, key, options.alphas[info.name]))
    for name, layer in options.rules.items():
        lowered.weights |= declare_arrays(lowered.module, name, layer)
    for name, symbol in states.items():
        value = _numpy(graph.initializers[name])
        lowered.weights[symbol] = value
        kind, source = kinds[name].kind, name if kinds[name].exported else ""
        lowered.states.append(StateRecord(symbol, kind, value.dtype.name, value.shape, source))
        key = WeightsAttr(symbol, value.dtype.name, digest(value))
        lowered.module.body.block.add_op(StateOp(symbol, kind, row_type(graph.initializers[name]), key))
    for name, layer in options.rules.items():
        records, values = declare_states(lowered.module, name, layer)
        lowered.states += records
        lowered.weights |= values
        segments, functions = declare_segments(lowered.module, name, layer)
        lowered.segments += segments
        lowered.functions += functions


def _lower_program(lowered: Lowered, arrays: tuple[ArrayInfo, ...], options: LowerOptions) -> None:
    """Write every array; then rules may prepare what they declared."""
    block = Block()
    for info in arrays:
        layer = options.rules.get(info.name)
        parts = [MAIN] if layer is None else [MAIN, *(part.part for part in layer.declaration.arrays)]
        versions: dict[str, SSAValue] = {}
        for part in parts:
            symbol = part_symbol(info.name, part)
            opened = OpenOp(symbol)
            written = ProgramOp(symbol, opened.version, options.verify)
            block.add_ops([opened, written])
            versions[part] = written.out
        if layer is not None and type(layer.rule).prepare is not Rule.prepare:
            for state in layer.declaration.states:
                opened = OpenOp(part_symbol(info.name, state.part))
                block.add_op(opened)
                versions[state.part] = opened.version
            versions |= layer.rule.prepare(
                RuleContext(block, info.name, options.scheme, layer.setting, layer.declaration, dict(versions))
            )
        block.add_ops([CommitOp(version) for version in versions.values()])
    block.add_op(ReturnOp([]))
    lowered.module.body.block.add_op(EntryOp("program", block))
    lowered.ports["program"] = ([], [], [])


def _lower_infer(lowered: Lowered, model: ir.Model, states: Mapping[str, str], options: LowerOptions) -> None:
    graph = model.graph
    results = list(graph.outputs)
    nodes = list(graph)
    phases = dict.fromkeys(nodes, "forward")
    items, names = _items(lowered, nodes, phases, set(results), states, "infer", options)
    rows = list(graph.inputs)
    builder = EntryBuilder("infer", rows, [], names)
    _open(builder, graph, nodes, states, options)
    sections = make_sections(items)
    for number, section in enumerate(sections):
        builder.add_section(section, needed_later(sections[number + 1 :], set(results)), "evaluation")
    lowered.module.body.block.add_op(builder.finish(results))
    lowered.ports["infer"] = (rows, [], results)


def _lower_train_step(
    lowered: Lowered, training: TrainingGraph, states: Mapping[str, str], options: LowerOptions
) -> None:
    graph = training.model.graph
    by_name = {v.name: v for v in graph.outputs}
    results = [by_name[training.loss]]
    updates = _updates(training)
    nodes = [n for n in graph if n not in set(updates)]
    phases = phases_of(nodes, results)
    factors = {held(v) for n in updates for v in n.inputs[1:3] if v is not None}
    following = {by_name[p.next]: states[p.name] for p in training.parameters}
    following |= {by_name[s.next]: states[s.name] for s in training.states}
    returned = {*results, *factors, *following}
    items, names = _items(lowered, nodes, phases, returned, states, "train", options)

    inputs = {v.name: v for v in graph.inputs}
    masks = [mask.name for mask in training.masks]
    rows = [inputs[name] for name in (*training.data_inputs, training.label.name, *masks)]
    draws: dict[str, ir.Value] = {}
    for name, layer in options.rules.items():
        values, keep = draw_values(name, layer)
        draws |= {v.name or "": v for v in values}
        lowered.draws |= keep
    rows += draws.values()
    scalars = [inputs[training.lr], inputs[training.inv_batch]]
    builder = EntryBuilder("train_step", rows, scalars, names)
    _open(builder, graph, nodes, states, options)
    if options.depth is not None:
        _lower_pipelined(builder, items, training, states, draws, returned, following, options)
    else:
        _lower_sections(builder, make_sections(items), training, draws, returned, options)
        for value, symbol in following.items():
            _set_state(builder, value, symbol)
    lowered.module.body.block.add_op(builder.finish(results))
    if options.depth is not None:
        mark_lag(builder.block, 0)  # what is left ends the execution: it has no instructions
    lowered.ports["train_step"] = (rows, scalars, results)


def _lower_sections(
    builder: EntryBuilder,
    sections: list[Section],
    training: TrainingGraph,
    draws: Mapping[str, ir.Value],
    returned: set[ir.Value],
    options: LowerOptions,
) -> None:
    """All samples forward, then back, then updates."""
    updates, scalar = _updates(training), _rate(training)
    for number, section in enumerate(sections):
        rest = sections[number + 1 :]
        later = needed_later(rest, returned)
        if section.mapped:
            mapped = Section(section.mapped, [])
            later |= {v for item in section.between for v in item.inputs}
            builder.add_section(mapped, later)
        if not any(s.mapped for s in rest):
            update_arrays(builder, training, updates, scalar, draws, options.rules, options.scheme)
            updates = []
        builder.add_section(Section([], section.between), later)


def _lower_pipelined(
    builder: EntryBuilder,
    items: list[Item],
    training: TrainingGraph,
    states: Mapping[str, str],
    draws: Mapping[str, ir.Value],
    returned: set[ir.Value],
    following: Mapping[ir.Value, str],
    options: LowerOptions,
) -> None:
    """One sample, stage by stage, each with its lag; what is trained changes in the stage of its factor."""
    assert options.depth is not None, "the caller looked"
    graph, stages = training.model.graph, Stages.find(items, options.depth)
    mark_lag(builder.block, 0)
    sections = stages.sections(items)
    for number, (lag, section) in enumerate(sections):
        later = needed_later([rest for _, rest in sections[number + 1 :]], returned)
        if section.mapped:
            later |= {v for item in section.between for v in item.inputs}
            builder.add_section(Section(section.mapped, []), later)
        if lag:  # what steps a parameter starts from what it is by then, not from what the forward pass saw
            changing = {states[name] for name in states if states[name] in following.values()}
            for value in {v: None for item in section.between for v in item.inputs}:
                if value.is_initializer() and states.get(value.name or "") in changing:
                    builder.get_state(graph.initializers[value.name or ""], states[value.name or ""])
        builder.add_section(Section([], section.between), later)
        mark_lag(builder.block, lag)
    updates = _updates(training)
    for info in reversed(training.arrays):
        own = [node for node in updates if node.attributes["array"].as_string() == info.name]
        factors = [v for node in own for v in node.inputs[2:3] if v is not None]
        update_arrays(builder, training, own, _rate(training), draws, options.rules, options.scheme)
        mark_lag(builder.block, max((stages.lag_of(v) for v in factors), default=0))
    for value, symbol in following.items():
        _set_state(builder, value, symbol)
        mark_lag(builder.block, stages.lag_of(value))


def _set_state(builder: EntryBuilder, value: ir.Value, symbol: str) -> None:
    op = StateSetOp(symbol, builder.value(value), builder.versions[symbol], after=builder.dones[symbol])
    builder.block.add_op(op)
    builder.versions[symbol] = op.out


def _updates(training: TrainingGraph) -> list[ir.Node]:
    return [n for n in training.model.graph if n.op_type == "update" and is_array_operation(n)]


def _rate(training: TrainingGraph) -> ir.Value:
    return next(v for v in training.model.graph.inputs if v.name == training.lr)


def _open(
    builder: EntryBuilder, graph: ir.Graph, nodes: list[ir.Node], states: Mapping[str, str], options: LowerOptions
) -> None:
    """Open every array that is read, and read every state that a node uses."""
    arrays = dict.fromkeys(n.attributes["array"].as_string() for n in nodes if "array" in n.attributes)
    for name in arrays:
        builder.open(name)
        layer = options.rules.get(name)
        if layer is not None and layer.declaration.composite:
            terms = composite_terms(name, layer)
            for part in list(terms)[1:]:
                builder.open(part)
            builder.composites[name] = (part_symbol(name, READ_PART), tuple(terms))
    for name, symbol in states.items():
        if name not in graph.initializers:
            continue  # only training uses what an optimiser remembers
        builder.open(symbol)
        builder.get_state(graph.initializers[name], symbol)


def _items(
    lowered: Lowered,
    nodes: list[ir.Node],
    phases: dict[ir.Node, str],
    needed: set[ir.Value],
    states: Mapping[str, str],
    prefix: str,
    options: LowerOptions,
) -> tuple[list[Item], dict[Item, str]]:
    """Cut segments, declare them, and return all items in topological order with the segments' symbols."""
    for node in nodes:
        for value in node.inputs:
            if value is not None and value.is_initializer() and value.name in states:
                value.metadata_props[STATE_MARK] = "true"
    segments, stage = cut_segments(nodes, phases, needed, options.source_name)
    place = {n: k for k, n in enumerate(nodes)}
    keyed: list[tuple[int, int, Item]] = [
        (stage[n], place[n], Item(phases[n], node=n)) for n in nodes if is_array_operation(n)
    ]
    keyed += [(s.stage, place[s.nodes[0]], Item(s.phase, segment=s)) for s in segments]
    items = [item for _, _, item in sorted(keyed, key=lambda k: (k[0], k[1]))]
    names: dict[Item, str] = {}
    for item in items:
        if item.segment is not None:
            names[item] = _free(f"{prefix}_{len(names)}", lowered.weights)
            lowered.module.body.block.add_op(segment_declaration(names[item], item.segment))
            lowered.segments.append(segment_record(names[item], item.segment))
            lowered.functions.append(segment_function(names[item], item.segment))
    return items, names


def _numpy(value: ir.Value) -> NDArray[Any]:
    assert value.const_value is not None
    array: NDArray[Any] = value.const_value.numpy()
    return np.ascontiguousarray(array).reshape(array.shape)
