"""When the energy of a step is spent: joules of every instruction, link and leaking unit.

Counts and prices are the ledger's own. What an instruction or a flit costs by itself (bytes, vector elements, flits) is
spent while it runs. What the crossbar kernels counted (pulses, conversions, dose) they counted per operation and block
of a whole step, so it is spread over the step's executions of that operation on that block in proportion to the cycles
that they held the tile: the sum of a step is exact, its distribution inside an operation is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Timeline
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.ledger.bill import unit_kind
from ohmflow.runtime.ledger.events import TileShape, static_events, streamless, tally_events

Prices = Mapping[tuple[str, str], float | None]

_ON_BLOCKS = (Mnemonic.MVM, Mnemonic.MVM_T, Mnemonic.UPDATE, Mnemonic.REFRESH, Mnemonic.PROGRAM)


@dataclass(frozen=True)
class StepEnergy:
    """Joules of one execution of an entry.

    Attributes:
        by_issue: [N] of each recorded issue.
        by_grant: [M] of each recorded grant of a link.
        watts: of what leaks, all the time.
        unplaced: counted, but of no instruction that ran; to be spent evenly over the step.
    """

    by_issue: NDArray[np.float64]
    by_grant: NDArray[np.float64]
    watts: float
    unplaced: float


class EnergyModel:
    """Prices the steps of one entry.

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
        self._fixed: NDArray[np.float64] = np.zeros(len(table))
        for i, (_, _, component, event), amount in static_events(program, self._entry):
            if component != "link":  # flits are spent on their links
                self._fixed[i] += amount * self._price(component, event)
        events = ["flit_local" if name.startswith("local") else "flit_hop" for name in program.chip.links]
        self._per_flit: NDArray[np.float64] = np.array([self._price("link", event) for event in events], np.float64)
        clock = program.chip.clock_hz
        assert clock is not None
        leaking = [(unit.name, 1) for unit in program.chip.units] + list(streamless(program))
        self._watts = sum(number * self._price("leakage", unit_kind(name)) for name, number in leaking) * clock
        self._on_blocks: dict[tuple[int, str, int], list[int]] = {}
        for i, row in enumerate(table):
            if row["array"] >= 0 and Mnemonic(int(row["mnemonic"])) in _ON_BLOCKS:
                key = (int(row["operation"]), program.arrays[int(row["array"])].name, int(row["block"]))
                self._on_blocks.setdefault(key, []).append(i)

    def _price(self, component: str, event: str) -> float:
        return self._prices[component, event] or 0.0

    def step(self, timeline: Timeline, tally: NDArray[np.float64]) -> StepEnergy:
        """Price one execution.

        Args:
            timeline: with issues and grants recorded.
            tally: [operations, blocks, columns] what the crossbars counted in it.
        """
        issues, grants = timeline.issues, timeline.grants
        joules: NDArray[np.float64] = self._fixed[issues[:, 0]].copy()
        costs: dict[tuple[int, str, int], float] = {}
        for event in tally_events(self._program, self._tile, self._entry, tally):
            key = (event.operation, event.array, event.block)
            costs[key] = costs.get(key, 0.0) + event.count * self._price(event.key[2], event.key[3])
        for key, instructions in self._on_blocks.items():
            rows = np.flatnonzero(np.isin(issues[:, 0], instructions))
            if key in costs and len(rows):
                held = (issues[rows, 2] - issues[rows, 1]).astype(np.float64)
                joules[rows] += costs.pop(key) * held / held.sum()
        flits = self._entry.channels["flits"][grants[:, 1]]
        by_grant: NDArray[np.float64] = flits * self._per_flit[grants[:, 0]]
        return StepEnergy(joules, by_grant, self._watts, sum(costs.values()))


def spread(
    begin: NDArray[np.int64], end: NDArray[np.int64], joules: NDArray[np.float64], bins: int, width: int
) -> NDArray[np.float64]:
    """Spread energies evenly over their cycles, into bins.

    Args:
        begin: [N] first cycle of each.
        end: [N] one past the last; not before `begin + 1`.
        joules: [N] energy of each.
        bins: how many there are; what reaches beyond the last one is put into it.
        width: cycles of a bin.

    Returns:
        [bins] joules; they sum to the sum of `joules`.
    """
    filled: NDArray[np.float64] = np.zeros(bins)
    for b, e, cost in zip(begin.tolist(), end.tolist(), joules.tolist(), strict=True):
        first, last = min(b // width, bins - 1), min((e - 1) // width, bins - 1)
        if first == last:
            filled[first] += cost
            continue
        rate = cost / (e - b)
        filled[first] += rate * ((first + 1) * width - b)
        filled[first + 1 : last] += rate * width
        filled[last] += rate * (e - last * width)
    return filled
