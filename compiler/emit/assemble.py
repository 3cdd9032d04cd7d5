"""From placed tile IR to a program: entries, units, links."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from ohmflow.compiler.emit.barriers import mark_barriers
from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import HOST, RESULTS, Dataflow, Unit, analyse
from ohmflow.compiler.emit.dram import DramPlan
from ohmflow.compiler.emit.errors import EmitError
from ohmflow.compiler.emit.kept_table import kept_table
from ohmflow.compiler.emit.operations import EmittedOperations, Symbols, emit_operations
from ohmflow.compiler.emit.overlap import overlap_executions
from ohmflow.compiler.emit.stream_context import StreamContext
from ohmflow.compiler.emit.stream_writer import EmittedStreams
from ohmflow.compiler.emit.streams import emit_streams
from ohmflow.compiler.emit.topology import Topology
from ohmflow.compiler.program.entry import Argument, Entry
from ohmflow.compiler.program.program import ArrayRecord, Chip, SegmentRecord, StateRecord, UnitRecord
from ohmflow.compiler.program.schedule import CHANNEL, SUM, TREE
from ohmflow.compiler.program.tables import INSTRUCTIONS, STREAM_LOOPS
from ohmflow.compiler.tile.entry import EntryOp, SegmentOp
from ohmflow.compiler.tile.pipelining import LAG
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.targets.device_models import refreshes
from ohmflow.targets.schema.target import Target

_NUMPY = {"f32": "float32", "i64": "int64", "i1": "bool", "index": "int64"}


def assemble(
    module: ModuleOp,
    arrays: Sequence[ArrayRecord],
    states: Sequence[StateRecord],
    segments: Sequence[SegmentRecord],
    target: Target,
    names: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
) -> tuple[dict[str, Entry], Chip, dict[str, dict[str, tuple[int, int, int]]]]:
    """Emit every entry of a module of placed tile IR.

    Args:
        module: placed tile IR.
        arrays: with their blocks; the numbers of the program's tables follow this order.
        states: in the order of their numbers.
        segments: in the order of their numbers.
        target: what it is emitted for.
        names: names of arguments and results of each entry; by default those of the text, and `result0`, ….

    Returns:
        Entries by name, the chip, and for each entry and unit (fixed bytes, bytes per sample, size of its memory).

    Raises:
        EmitError: an operation that the machine does not execute.
    """
    can_retry = target.tile.read.bound_management == "iterative" and target.tile.adc is not None
    declared = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, SegmentOp)}
    number = {record.name: k for k, record in enumerate(segments)}
    functions = {name: number[op.function_name] for name, op in declared.items()}
    symbols = Symbols(arrays, states, functions, can_retry, refreshes(target.device))
    entries = [op for op in module.body.block.ops if isinstance(op, EntryOp)]
    # The training step decides where states live, so it is analysed first.
    entries.sort(key=lambda e: (e.sym_name.data != "train_step", e.sym_name.data))
    emitted = {e.sym_name.data: emit_operations(e, symbols) for e in entries}
    streams: dict[str, EmittedStreams] = {}
    dram = DramPlan.of(target)
    if target.chip is not None:
        by_name = {a.name: a for a in arrays}
        per_node = target.chip.tiles_per_node

        def array_home(name: str) -> Unit:
            return ("vector", by_name[name].blocks[0].tile // per_node)

        state_home: dict[str, Unit] = {s.name: array_home(s.layer) for s in states if s.layer}

        for entry in entries:
            flow: Dataflow = analyse(entry, by_name, array_home, state_home)
            name = entry.sym_name.data
            streams[name] = emit_streams(
                StreamContext(entry, flow, emitted[name], by_name, array_home, declared, Costing(target), dram)
            )
            if any(LAG in op.attributes for op in entry.block.ops):
                overlap_executions(emitted[name], streams[name], f"entry {name}")
            else:
                mark_barriers(entry, declared, emitted[name], streams[name])
    units = _units(arrays, streams, target)
    chip = _chip(units, target)
    built = {}
    numbers = {state.name: k for k, state in enumerate(states)}
    for entry in entries:
        name = entry.sym_name.data
        arguments, results = _ports(entry, (names or {}).get(name))
        built[name] = _entry(name, arguments, results, emitted[name], streams.get(name), units, target, numbers, dram)
    return built, chip, _memory(streams, units, target)


def _units(
    arrays: Sequence[ArrayRecord], streams: Mapping[str, EmittedStreams], target: Target
) -> dict[Unit, UnitRecord]:
    """All units that any entry uses, every tile that holds a block, every channel of DRAM; in order of their nodes."""
    used = {unit for s in streams.values() for unit in s.streams} | {("tile", b.tile) for a in arrays for b in a.blocks}
    records: dict[Unit, UnitRecord] = {}
    if target.chip is None:
        for _, tile in sorted(used):
            records["tile", tile] = UnitRecord(f"tile({tile})", "tile", tile, 0, tile)
        return records
    per_node = target.chip.tiles_per_node
    columns = target.chip.mesh[0]
    if target.chip.dram is not None:
        used |= {("dram", channel) for channel in range(target.chip.dram.channels)}

    def node(unit: Unit) -> int:
        if unit[0] == "dram" and target.chip is not None and target.chip.dram is not None:
            x, y = target.chip.dram.place(unit[1], target.chip.mesh[1])
            return y * columns + x
        return -1 if unit[0] == "host" else unit[1] // per_node if unit[0] == "tile" else unit[1]

    for unit in sorted(used, key=lambda u: (node(u), u)):
        if unit[0] == "host":
            x, y = target.chip.host.node
            records[unit] = UnitRecord("host" if unit == HOST else "host.results", "host", x, y, unit[1])
            continue
        x, y = node(unit) % columns, node(unit) // columns
        part = f".{unit[1] % per_node}" if unit[0] == "tile" and per_node > 1 else ""
        records[unit] = UnitRecord(f"{unit[0]}({x},{y}){part}", unit[0], x, y, unit[1])
    return records


def _topology(target: Target) -> Topology:
    assert target.chip is not None
    columns, rows = target.chip.mesh
    return Topology(columns, rows, target.chip.link.hop, target.chip.link.local_hop, target.chip.package)


def _chip(units: Mapping[Unit, UnitRecord], target: Target) -> Chip:
    records = tuple(units.values())
    if target.chip is None:
        return Chip(records, (), (), np.zeros(0, np.int32), None, None, None)
    topology = _topology(target)
    return Chip(
        records,
        topology.names(),
        topology.routers(),
        topology.hops(),
        target.chip.mesh,
        target.chip.tiles,
        target.chip.clock.si,
        topology.flit_cycles(),
        topology.crossing(),
        None if target.chip.package is None else target.chip.package.chips,
    )


def _entry(
    name: str,
    arguments: tuple[Argument, ...],
    results: tuple[Argument, ...],
    emitted: EmittedOperations,
    streams: EmittedStreams | None,
    units: Mapping[Unit, UnitRecord],
    target: Target,
    states: Mapping[str, int],
    dram: DramPlan | None,
) -> Entry:
    rows: list[dict[str, int]] = []
    steps: list[tuple[int, ...]] = []
    starts = [0]
    loops: list[tuple[int, int, int, int]] = []
    for number, unit in enumerate(units):
        stream = streams.streams.get(unit) if streams is not None else None
        if stream is not None:
            first = len(loops)
            loops += [(b, e, p if p < 0 else p + first, k) for b, e, p, k in stream.loops(len(rows))]
            rows += [{**row, "unit": number} for row in stream.rows]
            steps += stream.steps
        starts.append(len(rows))
    instructions = np.zeros(len(rows), INSTRUCTIONS)
    for k, row in enumerate(rows):
        for column, value in row.items():
            try:
                instructions[column][k] = value
            except OverflowError as error:
                raise EmitError(
                    f"{name}: an instruction must take fewer than 2^31 cycles, not {value:,}; take a slower "
                    "chip.clock, a shorter device.pulse or read, or fewer tile.program.pulses_per_round"
                ) from error
        instructions["steps"][k, : len(steps[k])] = steps[k]
    channels, route = _channels(streams, units, target)
    things, buffers = (streams.things, streams.buffers) if streams is not None else ([], {})
    return Entry(
        name=name,
        arguments=arguments,
        results=results,
        instructions=instructions,
        stream=np.array(starts, np.int32),
        stream_loops=np.array(loops, STREAM_LOOPS) if loops else np.zeros(0, STREAM_LOOPS),
        channels=channels,
        route=route,
        trees=np.array(streams.trees if streams is not None else [], TREE),
        marks=emitted.marks,
        kept=kept_table(things, {unit: k for k, unit in enumerate(units)}, states, _rooms(target), buffers, dram),
        kept_names=tuple(thing.name for thing in things),
        **emitted.tables(),  # type: ignore[arg-type]  # the table names are the fields
    )


def _channels(
    streams: EmittedStreams | None, units: Mapping[Unit, UnitRecord], target: Target
) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    if streams is None:
        return np.zeros(0, CHANNEL), np.zeros(0, np.int32)
    assert target.tile.buffer is not None
    number = {unit: k for k, unit in enumerate(units)}
    topology = _topology(target)
    channels = np.zeros(len(streams.channels), CHANNEL)
    route: list[int] = []
    added = {k for kind, first, last, _ in streams.trees if kind == SUM for k in range(first, last)}
    for k, (source, destination, flits) in enumerate(streams.channels):
        a, b = units[source], units[destination]
        path = topology.route((a.x, a.y), (b.x, b.y), by_router=k in added)
        row = (
            number[source],
            number[destination],
            streams.depths.get(k, target.tile.buffer.vectors),
            flits,
            len(route),
            len(route) + len(path),
        )
        channels[k] = row
        route += path
    return channels, np.array(route, np.int32)


def _rooms(target: Target) -> dict[str, int]:
    """Bytes of the memory of each kind of unit."""
    if target.chip is None or target.tile.buffer is None:
        return {}
    return {"tile": target.tile.buffer.size_bytes, "vector": target.chip.vector_unit.scratchpad.size_bytes}


def _memory(
    streams: Mapping[str, EmittedStreams], units: Mapping[Unit, UnitRecord], target: Target
) -> dict[str, dict[str, tuple[int, int, int]]]:
    sizes = _rooms(target)
    if not sizes:
        return {}
    return {
        name: {
            units[unit].name: (s.fixed.get(unit, 0), s.kept.get(unit, 0), sizes[unit[0]])
            for unit in sorted({*s.kept, *s.fixed} - {HOST, RESULTS})
        }
        for name, s in streams.items()
    }


def _ports(
    entry: EntryOp, names: tuple[Sequence[str], Sequence[str]] | None
) -> tuple[tuple[Argument, ...], tuple[Argument, ...]]:
    hints = [a.name_hint or f"argument{k}" for k, a in enumerate(entry.block.args)]
    results = [f"result{k}" for k in range(len(entry.output_types))]
    given, returned = names if names is not None else (hints, results)
    return (
        tuple(_argument(n, t) for n, t in zip(given, entry.block.arg_types, strict=True)),
        tuple(_argument(n, t) for n, t in zip(returned, entry.output_types, strict=True)),
    )


def _argument(name: str, kind: Attribute) -> Argument:
    match kind:
        case StashType():
            inner: Any = kind.element_type
            while isinstance(inner, StashType):
                inner = inner.element_type
            return Argument(name, "rows", _NUMPY[str(inner.element_type)], tuple(inner.dims))
        case ScalarType():
            return Argument(name, "scalar", _NUMPY[str(kind.element_type)], ())
        case _:
            assert isinstance(kind, VecType)
            return Argument(name, "value", _NUMPY[str(kind.element_type)], tuple(kind.dims))
