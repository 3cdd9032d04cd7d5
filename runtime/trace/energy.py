"""When the energy of a step is spent: joules of every component in the cycles in which it works.

Counts and prices are the ledger's own. What an instruction or a flit costs by itself (bytes, vector elements, flits) is
spent while it runs. What the crossbar kernels counted (pulses, conversions, dose) they counted per operation and block
of a whole step, so it is spread over the step's executions of that operation on that block, in proportion to the
attempts of reads, and to the cycles in which trains run: the sum of a step is exact, its distribution inside an
operation is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import COUNTED, Timeline
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.ledger.bill import unit_kind
from ohmflow.runtime.ledger.events import TileShape, static_events, streamless, tally_events
from ohmflow.runtime.trace.intervals import Intervals, ReadParts, held, read_parts

Prices = Mapping[tuple[str, str], float | None]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAKAGE, LINK, HOST = "leakage", "link", "host"
LINKS = "links"
"""Place of what links spend."""

PLACES = {"tile": "tiles", "vector": "vector units", "host": "host", "dram": "DRAM channels"}
"""Places by kind of unit; any other kind is its own."""

_ON_BLOCKS = (Mnemonic.MVM, Mnemonic.MVM_T, Mnemonic.UPDATE, Mnemonic.REFRESH, Mnemonic.PROGRAM)
_DRIVING = ("driver", "dac", "array", "device")
_CONVERTING = ("adc", "shift_add")
_EPSILON = 1e-12
"""Share of a component's energy below which what is left over is rounding."""


@dataclass(frozen=True)
class Spent:
    """Energy of one component at one kind of place, and when it is spent.

    Attributes:
        component: as in the ledger.
        place: `tiles`, `vector units`, `host`, `links`, or another kind of unit.
        begin: [K] first cycle of each interval.
        end: [K] one past its last.
        joules: [K] spent evenly in it.
    """

    component: str
    place: str
    begin: Ints
    end: Ints
    joules: Floats


@dataclass(frozen=True)
class StepEnergy:
    """Joules of one execution of an entry.

    Attributes:
        cycles: of the execution.
        spent: what is spent in certain cycles.
        watts: of what leaks, all the time.
        leaked: joules of that.
        unplaced: counted, but of no instruction that ran, by component; to be spent evenly over the step.
        by_issue: [N] of each recorded issue.
        by_grant: [M] of each recorded grant of a link.
    """

    cycles: int
    spent: tuple[Spent, ...]
    watts: float
    leaked: float
    unplaced: dict[str, float]
    by_issue: Floats
    by_grant: Floats

    @property
    def joules(self) -> float:
        """All of it."""
        return sum(float(s.joules.sum()) for s in self.spent) + self.leaked + sum(self.unplaced.values())


class EnergyModel:
    """Prices the executions of one entry.

    Args:
        program: whose units, links and arrays.
        entry: name of the entry.
        tile: physical lines and converters of a tile.
        prices: joules of each event, None where not modelled (those are left out, as in the ledger's totals).
    """

    def __init__(self, program: Program, entry: str, tile: TileShape, prices: Prices) -> None:
        self._program, self._tile, self._prices = program, tile, prices
        self._entry: Entry = program.entries[entry]
        table = self._entry.instructions
        self._fixed: dict[str, Floats] = {}
        self._of_links: Floats = np.zeros(len(table))
        for i, (_, _, component, event), amount in static_events(program, self._entry):
            joules = amount * self._price(component, event)
            if component == LINK:  # flits are spent on their links
                self._of_links[i] += joules
            elif joules:
                self._fixed.setdefault(component, np.zeros(len(table)))[i] += joules
        events = ["flit_local" if name.startswith("local") else "flit_hop" for name in program.chip.links]
        self._per_flit: Floats = np.array([self._price(LINK, event) for event in events], np.float64)
        if program.chip.crossing.any():
            self._per_flit[program.chip.crossing] += self._price(LINK, "flit_package")
        self._clock_hz = program.chip.clock_hz
        units = [u for u in program.chip.units if u.kind != HOST or not u.index]  # the host's port leaks once
        leaking = [(unit.name, 1) for unit in units] + list(streamless(program))
        self._leak = sum(number * self._price(LEAKAGE, unit_kind(name)) for name, number in leaking)
        self._places = np.array([PLACES.get(unit.kind, unit.kind) for unit in program.chip.units])[table["unit"]]
        self._keys: dict[tuple[int, str, int], int] = {}
        self._key_of: Ints = np.full(len(table), -1, np.int64)
        for i, row in enumerate(table):
            if row["array"] >= 0 and Mnemonic(int(row["mnemonic"])) in _ON_BLOCKS:
                key = (int(row["operation"]), program.arrays[int(row["array"])].name, int(row["block"]))
                self._key_of[i] = self._keys.setdefault(key, len(self._keys))

    def _price(self, component: str, event: str) -> float:
        return self._prices[component, event] or 0.0

    def step(self, timeline: Timeline, tally: Floats) -> StepEnergy:
        """Price one execution.

        Args:
            timeline: with issues and grants recorded.
            tally: [operations, blocks, columns] what the crossbars counted in it.
        """
        issues = timeline.issues
        reads = read_parts(self._entry.instructions, issues)
        counted, unplaced = self._counted(issues, reads, tally)
        by_issue, spent = np.zeros(len(issues)), []
        is_read = np.zeros(len(issues), bool)
        is_read[reads.rows] = True
        for component in sorted({*self._fixed, *counted}):
            fixed = self._fixed.get(component)
            joules = np.zeros(len(issues)) if fixed is None else fixed[issues[:, 0]]
            joules = joules + counted.get(component, 0.0)
            by_issue += joules
            if component == HOST:
                through, joules = self._through_port(joules, timeline)
                spent += through
            spent += self._placed(component, joules, issues, is_read, reads)
        by_grant, of_links = self._links(timeline)
        spent += of_links
        missing = float(self._of_links @ timeline.executed) - float(by_grant.sum())
        if abs(missing) > _EPSILON * abs(float(by_grant.sum())):
            unplaced[LINK] = unplaced.get(LINK, 0.0) + missing
        watts = self._leak * (self._clock_hz or 0.0)
        return StepEnergy(
            timeline.cycles, tuple(spent), watts, self._leak * timeline.cycles, unplaced, by_issue, by_grant
        )

    def _counted(self, issues: Ints, reads: ReadParts, tally: Floats) -> tuple[dict[str, Floats], dict[str, float]]:
        """Joules of each issue by component, of what the crossbars counted; and what belongs to none that ran."""
        costs: dict[str, Floats] = {}
        unplaced: dict[str, float] = {}
        table = self._entry.instructions[issues[:, 0]]
        weight: Floats = (issues[:, 2] - issues[:, 1]).astype(np.float64)
        weight -= np.where(table["kind"] == COUNTED, table["t0"], 0)
        weight[reads.rows] = reads.attempts
        keys = self._key_of[issues[:, 0]]
        on, n = keys >= 0, len(self._keys)
        number = np.bincount(keys[on], minlength=n)
        sums = np.bincount(keys[on], weight[on], minlength=n)
        weight = np.where(on & (sums[keys] <= 0), 1.0, weight) if n else weight  # counted, but in no cycle of its own
        sums = np.where(sums > 0, sums, number)
        for event in tally_events(self._program, self._tile, self._entry, tally):
            _, _, component, name = event.key
            joules = event.count * self._price(component, name)
            key = self._keys.get((event.operation, event.array, event.block), -1)
            if key < 0 or not number[key]:
                unplaced[component] = unplaced.get(component, 0.0) + joules
            elif joules:
                costs.setdefault(component, np.zeros(n))[key] += joules
        share = weight / np.where(sums > 0, sums, 1.0)[keys] if n else weight
        return {name: np.where(on, cost[keys], 0.0) * share for name, cost in costs.items()}, unplaced

    def _placed(
        self, component: str, joules: Floats, issues: Ints, is_read: NDArray[np.bool_], reads: ReadParts
    ) -> list[Spent]:
        """When a component's joules are spent, by kind of place."""
        places = self._places[issues[:, 0]]
        special = reads.drive if component in _DRIVING else reads.convert if component in _CONVERTING else None
        found = []
        for place in sorted(set(places[joules != 0].tolist())):
            here = (joules != 0) & (places == place)
            parts = [_select(held(issues), here if special is None else here & ~is_read)]
            if special is not None:
                parts.append(_select(special, here))
            row = np.concatenate([p.row for p in parts])
            begin, end = np.concatenate([p.begin for p in parts]), np.concatenate([p.end for p in parts])
            found.append(Spent(component, place, begin, end, joules[row] * np.concatenate([p.share for p in parts])))
        return found

    def _through_port(self, joules: Floats, timeline: Timeline) -> tuple[list[Spent], Floats]:
        """When bytes pass the host's port: with the flits that carry them, which a cycle of the host only begins.

        Args:
            joules: of each issue, for its bytes.
            timeline: with grants.

        Returns:
            What is spent on the first or last link of a message's way, and what is left of each issue.
        """
        entry, grants = self._entry, timeline.grants
        table, channels = entry.instructions[timeline.issues[:, 0]], entry.channels
        sends = table["signal"] >= 0
        channel = np.where(sends, table["signal"], table["wait0"]).astype(np.int64)
        port: Ints = np.full(len(channels) + 1, -1, np.int64)  # its last entry is that of no channel
        begin, end = channels["route_begin"], channels["route_end"]
        for c in np.unique(channel[(joules != 0) & (channel >= 0)]).tolist():
            if end[c] > begin[c]:
                by_host = self._program.chip.units[int(channels["src"][c])].kind == HOST
                port[c] = entry.route[begin[c] if by_host else end[c] - 1]
        rows = np.flatnonzero(port[grants[:, 1]] == grants[:, 0])
        own = grants[rows, 1]
        packets = np.bincount(own, minlength=len(channels) + 1)
        carried = packets[channel] > 0
        sums = np.bincount(channel[carried], joules[carried], minlength=len(channels) + 1)
        flits = channels["flits"][own].astype(np.int64)
        start = grants[rows, 3]
        spent = Spent(HOST, PLACES[HOST], start, start + flits, sums[own] / packets[own])
        return [spent] if len(rows) else [], np.where(carried, 0.0, joules)

    def _links(self, timeline: Timeline) -> tuple[Floats, list[Spent]]:
        grants = timeline.grants
        flits = self._entry.channels["flits"][grants[:, 1]].astype(np.int64)
        joules: Floats = flits * self._per_flit[grants[:, 0]]
        spent = Spent(LINK, LINKS, grants[:, 3], grants[:, 3] + flits, joules)
        return joules, [spent] if joules.any() else []


def _select(intervals: Intervals, rows: NDArray[np.bool_]) -> Intervals:
    """The intervals of some rows."""
    chosen = rows[intervals.row]
    return Intervals(intervals.row[chosen], intervals.begin[chosen], intervals.end[chosen], intervals.share[chosen])
