"""Events: what the two engines counted, by unit, phase, component and event.

Two sources, one table: how often the clock ran each instruction (bytes, vector elements, flits), and what the crossbar
kernels counted per operation and block (pulses, conversions, dose). Neither is estimated. `docs/ledger.md` lists them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.compiler.program.tables import Op
from ohmflow.compiler.program.ways import ways_of
from ohmflow.runtime.ledger import tally as columns
from ohmflow.runtime.ledger.activity import ON_ARRAYS, ActivityBook
from ohmflow.runtime.ledger.by_layer import LayerBook
from ohmflow.runtime.ledger.counted import counts_of, take_counts
from ohmflow.targets import timing
from ohmflow.targets.cells import layout_of
from ohmflow.targets.schema.target import Target

_MEMORIES = {"tile": "buffer", "dram": "dram"}
"""Component of the bytes that an instruction moves, by kind of unit; the scratchpad for others."""

Key = tuple[str, str, str, str]
"""(unit, phase, component, event)."""


@dataclass(frozen=True)
class TileShape:
    """What of a tile its events depend on: physical lines, which every pulse charges whole, and its converters.

    Attributes:
        rows, cols: physical lines.
        dac, adc, shift_add: whether there are any.
        columns: physical columns of a column of weights, all of which a transposed read and programming drive.
        pulsed_columns: those of them on which a pulse of an update fires.
    """

    rows: int
    cols: int
    dac: bool
    adc: bool
    shift_add: bool = False
    columns: int = 1
    pulsed_columns: int = 1

    @classmethod
    def of(cls, target: Target) -> "TileShape":
        """The shape of a target's tiles."""
        tile, lines = target.tile, target.tile.crossbar
        has_dac, has_adc = tile.dac is not None, tile.adc is not None
        adds, cell = has_adc and timing.adds_passes(target), layout_of(target)
        return cls(lines.rows, lines.cols, has_dac, has_adc, adds, cell.columns, cell.pulsed_columns)


class EventBook:
    """Adds up events of a run, epoch by epoch.

    Args:
        program: whose units, blocks and instructions.
        tile: physical lines and converters of a tile.

    Attributes:
        cycles: cycles of the run so far.
        counts: per epoch, the count of each key.
        phase_cycles: per epoch, cycles of each (unit, phase).
        activity: what units waited for, how links were used, what each array did.
        layers: events and cycles by layer.
        tile: physical lines and converters of a tile.
    """

    def __init__(self, program: Program, tile: TileShape) -> None:
        self.program = program
        self.cycles = 0
        self.counts: dict[int, dict[Key, float]] = {}
        self.phase_cycles: dict[int, dict[tuple[str, str], int]] = {}
        self.activity = ActivityBook(program)
        self.layers = LayerBook(program)
        self.tile = tile
        self._executed = {name: np.zeros(len(e.instructions), np.int64) for name, e in program.entries.items()}
        self._phases: NDArray[np.int64] = np.zeros((len(program.chip.units), len(PHASES)), np.int64)
        self._epoch_cycles = 0
        self._static = {name: list(static_events(program, e)) for name, e in program.entries.items()}

    def state(self) -> dict[str, Any]:
        """Everything that was counted, the open epoch's counts too, by attribute; a copy."""
        return counts_of(self)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what a book of the same program and target counted.

        Args:
            state: what `state` returned.

        Raises:
            ValueError: it is not of such a book.
        """
        take_counts(self, state)

    def add_timeline(self, entry: str, timeline: Timeline) -> None:
        """Add one execution as the clock saw it."""
        self._executed[entry] += timeline.executed
        self._phases += timeline.phase_cycles
        self._epoch_cycles += timeline.cycles
        self.activity.add_timeline(entry, timeline)
        self.layers.add_timeline(entry, timeline)

    def add_wait(self, cycles: int) -> None:
        """Add cycles in which every unit is idle, and leaks."""
        self._phases[:, PHASES.index("idle")] += cycles
        self._epoch_cycles += cycles
        self.activity.add_wait(cycles)

    def close_epoch(self, epoch: int, tallies: dict[str, NDArray[np.float64]]) -> None:
        """Book everything since the last call under `epoch`.

        Args:
            epoch: its number; 0 is what happens before the first one (programming).
            tallies: what the value engine counted, by entry.
        """
        counts = self.counts.setdefault(epoch, {})
        for name, events in self._static.items():
            executed = self._executed[name]
            array_of, layer_of = self.activity.array_of[name], self.layers.layer_of[name]
            for instruction, key, amount in events:
                if executed[instruction]:
                    count = float(amount) * int(executed[instruction])
                    counts[key] = counts.get(key, 0.0) + count
                    self.layers.add(epoch, layer_of[instruction], key, count)
                    if array_of[instruction] >= 0:
                        self.activity.add_array(epoch, self.program.arrays[array_of[instruction]].name, key, count)
            executed[:] = 0
        for name, table in tallies.items():
            for event in tally_events(self.program, self.tile, self.program.entries[name], table):
                counts[event.key] = counts.get(event.key, 0.0) + event.count
                self.activity.add_array(epoch, event.array, event.key, event.count)
                self.layers.add(epoch, event.array, event.key, event.count)
        if self.program.chip.clock_hz is not None:
            self._close_cycles(epoch, counts)
        self._phases[:] = 0
        self._epoch_cycles = 0
        self.activity.close_epoch(epoch)
        self.layers.close_epoch(epoch)

    def _close_cycles(self, epoch: int, counts: dict[Key, float]) -> None:
        self.cycles += self._epoch_cycles
        cycles = self.phase_cycles.setdefault(epoch, {})
        for unit, row in zip(self.program.chip.units, self._phases, strict=True):
            for phase, n in zip(PHASES, row.tolist(), strict=True):
                if n:
                    cycles[unit.name, phase] = cycles.get((unit.name, phase), 0) + n
                    if unit.kind == "host" and unit.index:
                        continue  # the host port leaks once, as the unit that sends
                    key = (unit.name, phase, "leakage", "leak_cycle")
                    counts[key] = counts.get(key, 0.0) + n
        for name, number in streamless(self.program):
            if number and self._epoch_cycles:
                cycles[name, "idle"] = cycles.get((name, "idle"), 0) + self._epoch_cycles
                key = (name, "idle", "leakage", "leak_cycle")
                counts[key] = counts.get(key, 0.0) + number * self._epoch_cycles


@dataclass(frozen=True)
class BlockEvent:
    """What the blocks of an array on one tile did in all executions of one operation.

    Attributes:
        operation: row of the entry's operations.
        array: name.
        block: number of the block in its array.
        key: as in the ledger.
        count: how often, never 0.
    """

    operation: int
    array: str
    block: int
    key: Key
    count: float


def tally_events(program: Program, tile: TileShape, entry: Entry, table: NDArray[np.float64]) -> Iterator[BlockEvent]:
    """What the crossbar kernels counted, as events.

    Args:
        program: whose arrays and units.
        tile: physical lines and converters of a tile.
        entry: that was executed.
        table: [operations, blocks, columns] its tally.
    """
    unit_of = {u.index: u.name for u in program.chip.units if u.kind == "tile"}
    for row, operation in enumerate(entry.operations):
        code = Op(int(operation["code"]))
        if code not in ON_ARRAYS or not table[row].any():
            continue
        phase = PHASES[int(operation["phase"])]
        arrays = [program.arrays[int(operation["symbol"])]]
        if code is Op.TRANSFER:
            arrays.append(program.arrays[int(operation["symbol2"])])
        forward = code in (Op.MVM, Op.PROGRAM) or (code in (Op.READ, Op.TRANSFER) and operation["attr"] == 0)
        blocks = [(array.name, number, block) for array in arrays for number, block in enumerate(array.blocks)]
        for (array, number, block), counted in zip(blocks, table[row], strict=False):
            for component, event, count in _block_events(tile, code, forward, counted):
                if count:
                    yield BlockEvent(row, array, number, (unit_of[block.tile], phase, component, event), float(count))


def _block_events(
    tile: TileShape, code: Op, forward: bool, counted: NDArray[np.float64]
) -> Iterator[tuple[str, str, float]]:
    driven, alone = counted[columns.DRIVEN], counted[columns.VERIFY_READS]
    if not forward:
        driven = driven * tile.columns
    fired = tile.columns if code is Op.PROGRAM else tile.pulsed_columns
    rows, cols, both = (counted[at] for at in (columns.ROW_PULSES, columns.COL_PULSES, columns.COINCIDENCES))
    cols, both = cols * fired, both * fired
    yield "driver", "read_row", alone + (driven if forward else 0.0)
    yield "driver", "read_col", 0.0 if forward else driven
    if tile.dac:
        yield "dac", "dac_conversion", driven + alone
    if tile.adc:
        yield "adc", "adc_conversion", counted[columns.CONVERSIONS]
    if tile.shift_add and not alone:  # a read that verifies is one pass, and never stands with others in a row
        yield "shift_add", "shift_add", counted[columns.CONVERSIONS]
    yield "array", "read_dose", counted[columns.DOSE]
    yield "driver", "row_pulse", rows
    yield "driver", "col_pulse", cols
    yield "device", "coincidence", both
    yield "device", "half_select", rows * tile.cols + cols * tile.rows - 2 * both


def static_events(program: Program, entry: Entry) -> Iterator[tuple[int, Key, int]]:
    """What one execution of each instruction costs whatever the numbers are."""
    ways = _message_events(program, entry)
    for i, row in enumerate(entry.instructions):
        unit = program.chip.units[int(row["unit"])]
        phase = PHASES[int(row["phase"])]
        memory = _MEMORIES.get(unit.kind, "scratchpad")
        for key, field in (
            ((unit.name, phase, memory, f"{memory}_write_byte"), "buffer_write"),
            ((unit.name, phase, memory, f"{memory}_read_byte"), "buffer_read"),
            ((unit.name, phase, "vector", "vector_op"), "simple"),
            ((unit.name, phase, "vector", "vector_special_op"), "special"),
            ((unit.name, phase, "host", "host_byte"), "host_bytes"),
        ):
            if row[field]:
                yield i, key, int(row[field])
        if row["signal"] >= 0:
            for router, component, event, amount in ways[int(row["signal"])]:
                yield i, (router, phase, component, event), amount


def _message_events(program: Program, entry: Entry) -> list[list[tuple[str, str, str, int]]]:
    """For each channel that is signalled (router, component, event, count) of a message's way, once for each link."""
    ways = ways_of(entry.channels, entry.route, entry.trees)
    found: list[list[tuple[str, str, str, int]]] = [[] for _ in range(len(entry.channels))]
    flits = entry.channels["flits"].tolist()
    branches = (ways.branch_end - ways.branch_begin).tolist()
    for link, channel, payer, joined in zip(
        ways.link.tolist(), ways.channel.tolist(), ways.payer.tolist(), branches, strict=True
    ):
        x, y = program.chip.link_router[link]
        router, n = f"router({x},{y})", flits[channel]
        local = program.chip.links[link].startswith("local")
        found[payer].append((router, "link", "flit_local" if local else "flit_hop", n))
        if program.chip.crossing[link]:
            found[payer].append((router, "link", "flit_package", n))
        if joined:
            found[payer].append((router, "adder", "flit_add", n * (joined - 1)))
    return found


def used_routers(program: Program) -> list[str]:
    """Routers that some message passes, by name, in order of node."""
    nodes = {program.chip.link_router[link] for entry in program.entries.values() for link in entry.route.tolist()}
    return [f"router({x},{y})" for x, y in sorted(nodes, key=lambda n: (n[1], n[0]))]


def streamless(program: Program) -> Iterator[tuple[str, int]]:
    """Units without a stream, which only leak: routers by name, and the unused rest of the chip with its number."""
    chip = program.chip
    if chip.mesh is None or chip.tiles is None:
        return
    nodes = chip.mesh[0] * chip.mesh[1]
    routers = used_routers(program)
    yield from ((name, 1) for name in routers)
    yield "unused tiles", chip.tiles - sum(u.kind == "tile" for u in chip.units)
    yield "unused vector units", nodes - sum(u.kind == "vector" for u in chip.units)
    yield "unused routers", nodes - len(routers)
