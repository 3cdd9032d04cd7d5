"""What shorter service times would gain: the engine runs again with them, nothing is extrapolated.

Cycles are whole numbers, and a tenth of most service times is none. So time is counted in tenths of a cycle: every
duration is ten times as long, those of what is looked at nine times. Without a change that gives ten times the cycles,
with the same ties, so a difference is due to the change alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import INSTRUCTION, READ, Schedule
from ohmflow.runtime.machine.clock import Clock

WHOLE, LESS = 10, 9
"""Parts of a cycle, and of a service time that is shortened by 10 %."""


@dataclass(frozen=True)
class Shortened:
    """Which service times are shortened.

    Attributes:
        service: [I] instructions whose occupancy, latency, array phase, set-up and cycles a count are.
        conversion: [I] reads whose conversion and converter latency are.
        links: whether hops, flits and adders of routers are.
    """

    service: NDArray[np.bool_]
    conversion: NDArray[np.bool_]
    links: bool = False


@dataclass(frozen=True)
class Gain:
    """What 10 % shorter service times gain.

    Attributes:
        name: of what is shortened.
        kind: `class` (all units of a kind, or all links), `part` (of the units of a kind) or `unit`.
        cycles: of the entry then; tenths are exact.
        before: of the entry as it is.
    """

    name: str
    kind: str
    cycles: float
    before: int

    @property
    def saved(self) -> float:
        """Cycles saved; below 0 where shorter service makes the entry longer, as queues in order of arrival can."""
        return round(self.before - self.cycles, 1)

    @property
    def share(self) -> float:
        """Part of the entry's cycles that is saved; 0.1 if everything hung on it."""
        return self.saved / self.before if self.before else 0.0


@dataclass(frozen=True)
class Stretched:
    """A schedule whose time is counted in tenths of a cycle.

    Args:
        schedule: as it is.
    """

    schedule: Schedule

    def cycles(self, counts: NDArray[np.int64], chosen: Shortened | None = None) -> int:
        """Tenths of cycles that the entry takes.

        Args:
            counts: of the execution.
            chosen: what is shortened, nothing if None.
        """
        return Clock(self._stretched(chosen)).run(counts).cycles

    def _stretched(self, chosen: Shortened | None) -> Schedule:
        table = self.schedule.instructions
        none = np.zeros(len(table), bool)
        service, converters = (none, none) if chosen is None else (chosen.service, chosen.conversion)
        rows = table.astype(_wide(INSTRUCTION))
        factor = np.where(service, LESS, WHOLE)
        reads = table["kind"] == READ
        conversion = np.where(converters, LESS, WHOLE)
        for name in ("t0", "t1"):
            rows[name] *= np.where(reads & (name == "t1"), conversion, factor)
        rows["t2"] *= np.where(reads, conversion, 1)
        # Passes after the first repeat the slower of array phase and conversion.
        later = (table["t3"] >> 2) * np.where(table["t0"] >= table["t1"], factor, conversion)
        rows["t3"] = np.where(reads, (table["t3"] & 3) + 4 * later, table["t3"])
        times = LESS if chosen is not None and chosen.links else WHOLE
        pace, hop = (self.schedule.flit_cycles.astype(np.int64) * times, self.schedule.hop.astype(np.int64) * times)
        trees = self.schedule.trees.copy()
        trees["adder"] *= times
        return replace(
            self.schedule,
            instructions=rows,
            hop=hop.astype(np.int32),
            flit_cycles=pace.astype(np.int32),
            trees=trees,
        )


def _wide(dtype: np.dtype[np.void]) -> np.dtype[np.void]:
    """The same fields, all 64 bits wide: ten times a long time does not fit 32."""
    assert dtype.names is not None and dtype.fields is not None
    return np.dtype([(name, np.int64, dtype.fields[name][0].shape) for name in dtype.names])
