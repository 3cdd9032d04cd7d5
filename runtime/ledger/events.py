"""Events: what the two engines counted, by unit, phase, component and event.

Two sources, one table: how often the clock ran each instruction (bytes, vector elements, flits), and what the crossbar
kernels counted per operation and block (pulses, conversions, dose). Neither is estimated. `docs/ledger.md` lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.ledger import tally as columns

Key = tuple[str, str, str, str]
"""(unit, phase, component, event)."""


@dataclass(frozen=True)
class TileShape:
    """What of a tile its events depend on: physical lines, which every pulse charges whole, and its converters."""

    rows: int
    cols: int
    dac: bool
    adc: bool


class EventBook:
    """Adds up events of a run, epoch by epoch.

    Args:
        program: whose units, blocks and instructions.
        tile: physical lines and converters of a tile.

    Attributes:
        cycles: cycles of the run so far.
        counts: per epoch, the count of each key.
        phase_cycles: per epoch, cycles of each (unit, phase).
    """

    def __init__(self, program: Program, tile: TileShape) -> None:
        self.program = program
        self.cycles = 0
        self.counts: dict[int, dict[Key, float]] = {}
        self.phase_cycles: dict[int, dict[tuple[str, str], int]] = {}
        self._tile = tile
        self._executed = {name: np.zeros(len(e.instructions), np.int64) for name, e in program.entries.items()}
        self._phases: NDArray[np.int64] = np.zeros((len(program.chip.units), len(PHASES)), np.int64)
        self._epoch_cycles = 0
        self._static = {name: list(_static_events(program, e)) for name, e in program.entries.items()}
        self._tile_unit = {u.index: u.name for u in program.chip.units if u.kind == "tile"}

    def add_timeline(self, entry: str, timeline: Timeline) -> None:
        """Add one execution as the clock saw it."""
        self._executed[entry] += timeline.executed
        self._phases += timeline.phase_cycles
        self._epoch_cycles += timeline.cycles

    def close_epoch(self, epoch: int, tallies: dict[str, NDArray[np.float64]]) -> None:
        """Book everything since the last call under `epoch`.

        Args:
            epoch: its number; 0 is what happens before the first one (programming).
            tallies: what the value engine counted, by entry.
        """
        counts = self.counts.setdefault(epoch, {})
        for name, events in self._static.items():
            executed = self._executed[name]
            for instruction, key, amount in events:
                if executed[instruction]:
                    counts[key] = counts.get(key, 0.0) + float(amount) * int(executed[instruction])
            executed[:] = 0
        for name, table in tallies.items():
            for key, value in self._tally_events(self.program.entries[name], table):
                if value:
                    counts[key] = counts.get(key, 0.0) + float(value)
        if self.program.chip.clock_hz is not None:
            self._close_cycles(epoch, counts)
        self._phases[:] = 0
        self._epoch_cycles = 0

    def _close_cycles(self, epoch: int, counts: dict[Key, float]) -> None:
        self.cycles += self._epoch_cycles
        cycles = self.phase_cycles.setdefault(epoch, {})
        for unit, row in zip(self.program.chip.units, self._phases, strict=True):
            for phase, n in zip(PHASES, row.tolist(), strict=True):
                if n:
                    cycles[unit.name, phase] = cycles.get((unit.name, phase), 0) + n
                    key = (unit.name, phase, "leakage", "leak_cycle")
                    counts[key] = counts.get(key, 0.0) + n
        for name, number in _streamless(self.program):
            if number and self._epoch_cycles:
                cycles[name, "idle"] = cycles.get((name, "idle"), 0) + self._epoch_cycles
                key = (name, "idle", "leakage", "leak_cycle")
                counts[key] = counts.get(key, 0.0) + number * self._epoch_cycles

    def _tally_events(self, entry: Entry, table: NDArray[np.float64]) -> Iterator[tuple[Key, float]]:
        for row, operation in enumerate(entry.operations):
            code = Op(int(operation["code"]))
            if code not in (Op.MVM, Op.MVM_T, Op.UPDATE, Op.READ, Op.TRANSFER, Op.PROGRAM):
                continue
            phase = PHASES[int(operation["phase"])]
            blocks = list(self.program.arrays[int(operation["symbol"])].blocks)
            if code is Op.TRANSFER:
                blocks += self.program.arrays[int(operation["symbol2"])].blocks
            forward = code in (Op.MVM, Op.PROGRAM) or (code in (Op.READ, Op.TRANSFER) and operation["attr"] == 0)
            for block, counted in zip(blocks, table[row], strict=False):
                unit = self._tile_unit[block.tile]
                driven = counted[columns.DRIVEN] + counted[columns.VERIFY_READS]
                half = (
                    counted[columns.ROW_PULSES] * self._tile.cols
                    + counted[columns.COL_PULSES] * self._tile.rows
                    - 2 * counted[columns.COINCIDENCES]
                )
                yield (unit, phase, "driver", "read_row" if forward else "read_col"), driven
                if self._tile.dac:
                    yield (unit, phase, "dac", "dac_conversion"), driven
                if self._tile.adc:
                    yield (unit, phase, "adc", "adc_conversion"), counted[columns.CONVERSIONS]
                yield (unit, phase, "array", "read_dose"), counted[columns.DOSE]
                yield (unit, phase, "driver", "row_pulse"), counted[columns.ROW_PULSES]
                yield (unit, phase, "driver", "col_pulse"), counted[columns.COL_PULSES]
                yield (unit, phase, "device", "coincidence"), counted[columns.COINCIDENCES]
                yield (unit, phase, "device", "half_select"), half


def _static_events(program: Program, entry: Entry) -> Iterator[tuple[int, Key, int]]:
    """What one execution of each instruction costs whatever the numbers are."""
    for i, row in enumerate(entry.instructions):
        unit = program.chip.units[int(row["unit"])]
        phase = PHASES[int(row["phase"])]
        memory = "buffer" if unit.kind == "tile" else "scratchpad"
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
            channel = entry.channels[int(row["signal"])]
            for link in entry.route[int(channel["route_begin"]) : int(channel["route_end"])].tolist():
                x, y = program.chip.link_router[link]
                event = "flit_local" if program.chip.links[link].startswith("local") else "flit_hop"
                yield i, (f"router({x},{y})", phase, "link", event), int(channel["flits"])


def used_routers(program: Program) -> list[str]:
    """Routers that some message passes, by name, in order of node."""
    nodes = {program.chip.link_router[link] for entry in program.entries.values() for link in entry.route.tolist()}
    return [f"router({x},{y})" for x, y in sorted(nodes, key=lambda n: (n[1], n[0]))]


def _streamless(program: Program) -> Iterator[tuple[str, int]]:
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
