"""Power over time: energy in bins of equal length, and its peaks.

The power of a step is a step function of time: everything is spent evenly over whole cycles. A bin holds the energy
spent in its cycles, so the bins sum to the ledger's joules and a bin's power is a mean over it. The mean hides what is
shorter, so three peaks are told, the later ones of the step function itself and not of the bins: the highest bin, the
highest mean over any microsecond wherever it begins, and the highest cycle.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.trace.energy import LEAKAGE, LINKS, PLACES, Spent, StepEnergy

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 1000
"""Bins of a step, about, where no width is asked for."""

MOST_BINS = 1_000_000
"""Bins that are made at most."""

WINDOW_S = 1e-6
"""Length of the sliding window, seconds."""

UNPLACED = "unplaced"
"""Place of what belongs to no instruction that ran."""


@dataclass(frozen=True)
class Peak:
    """The highest mean power over a length of time.

    Attributes:
        watts: mean over it.
        begin: first cycle.
        end: one past its last.
    """

    watts: float
    begin: int
    end: int


@dataclass(frozen=True)
class PowerTrace:
    """Power of one execution of an entry.

    Attributes:
        clock_hz: of the chip.
        cycles: of the execution.
        width: cycles of a bin; the last one may be shorter.
        rows: (component, place) of each row of `joules`; leakage has the place `leakage`.
        joules: [rows, bins] energy spent in each bin.
        window: the highest mean over `WINDOW_S`, over all of it where it is shorter.
        cycle: the highest cycle.
    """

    clock_hz: float
    cycles: int
    width: int
    rows: tuple[tuple[str, str], ...]
    joules: Floats
    window: Peak
    cycle: Peak

    @cached_property
    def edges(self) -> Ints:
        """[bins + 1] cycles at which bins begin and end."""
        number = self.joules.shape[1]
        ends: Ints = np.minimum(np.arange(number + 1, dtype=np.int64) * self.width, self.cycles)
        return ends

    @cached_property
    def total(self) -> Floats:
        """[bins] joules of all rows."""
        summed: Floats = self.joules.sum(axis=0)
        return summed

    @property
    def seconds(self) -> Floats:
        """[bins] length of each bin."""
        lengths: Ints = np.diff(self.edges)
        return lengths / self.clock_hz

    @property
    def watts(self) -> Floats:
        """[bins] mean power in each bin."""
        return self.total / self.seconds

    @property
    def mean_watts(self) -> float:
        """Mean power of the execution."""
        return float(self.total.sum()) * self.clock_hz / self.cycles if self.cycles else 0.0

    @property
    def peak(self) -> Peak:
        """The highest bin."""
        at = int(self.watts.argmax())
        return Peak(float(self.watts[at]), int(self.edges[at]), int(self.edges[at + 1]))

    def by(self, which: str) -> dict[str, Floats]:
        """[bins] joules by `component` or `place`, those with the most first."""
        column = ("component", "place").index(which)
        sums: dict[str, Floats] = {}
        for row, joules in zip(self.rows, self.joules, strict=True):
            sums[row[column]] = sums.get(row[column], 0.0) + joules
        return dict(sorted(sums.items(), key=lambda item: (-float(item[1].sum()), item[0])))


def bin_width(cycles: int, clock_hz: float, bins: int = BINS, seconds: float | None = None) -> int:
    """Cycles of a bin.

    Args:
        cycles: of the execution.
        clock_hz: of the chip.
        bins: how many there are to be at most, where `seconds` is None.
        seconds: wanted length of a bin; it is rounded up to whole cycles, and so that there are at most `MOST_BINS`.
    """
    least = -(-cycles // MOST_BINS)
    wanted = -(-cycles // bins) if seconds is None else int(np.ceil(seconds * clock_hz * (1 - 1e-12)))
    return max(1, least, wanted)


def power_trace(energy: StepEnergy, clock_hz: float, width: int) -> PowerTrace:
    """Make the power of an execution from its energy.

    Args:
        energy: of the execution.
        clock_hz: of the chip.
        width: cycles of a bin.
    """
    cycles = energy.cycles
    bins = max(1, -(-cycles // width))
    lengths = np.diff(np.minimum(np.arange(bins + 1, dtype=np.int64) * width, cycles))
    evenly = lengths / cycles if cycles else np.ones(1)
    rows: dict[tuple[str, str], Floats] = {}
    for spent in energy.spent:
        filled = spread(spent.begin, spent.end, spent.joules, bins, width)
        key = (spent.component, spent.place)
        rows[key] = rows.get(key, 0.0) + filled
    steady = [((component, UNPLACED), joules) for component, joules in sorted(energy.unplaced.items())]
    for key, joules in ((LEAKAGE, LEAKAGE), energy.leaked), *steady:
        if joules:
            rows[key] = evenly * joules
    order = {name: k for k, name in enumerate((*PLACES.values(), LINKS, LEAKAGE, UNPLACED))}
    keys = sorted(rows, key=lambda key: (order.get(key[1], -1), key[1], key[0]))
    table = np.array([rows[key] for key in keys]) if keys else np.zeros((0, bins))
    floor = (energy.leaked + sum(energy.unplaced.values())) / cycles if cycles else 0.0
    window, cycle = _peaks(energy.spent, floor, cycles, clock_hz)
    return PowerTrace(clock_hz, cycles, width, tuple(keys), table, window, cycle)


def spread(begin: Ints, end: Ints, joules: Floats, bins: int, width: int) -> Floats:
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
    filled: Floats = np.zeros(bins)
    for rows, number, share in _pieces(begin, end, width):
        filled += np.bincount(np.minimum(number, bins - 1), joules[rows] * share, minlength=bins)
    return filled


_AT_ONCE = 4_000_000
"""Pairs of an interval and a bin that are held at a time."""


def _pieces(begin: Ints, end: Ints, width: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Cut intervals at the edges of bins, some at a time: row of each piece, its bin, and its share of the interval."""
    first, last = begin // width, (end - 1) // width
    pieces = last - first + 1
    ends = np.cumsum(pieces)
    start = 0
    while start < len(begin):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        own = pieces[start:stop]
        rows = np.repeat(np.arange(start, stop), own)
        number = first[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(own) - own, own)
        overlap = np.minimum(end[rows], (number + 1) * width) - np.maximum(begin[rows], number * width)
        yield rows, number, overlap / (end[rows] - begin[rows])
        start = stop


def _peaks(spent: Iterable[Spent], floor: float, cycles: int, clock_hz: float) -> tuple[Peak, Peak]:
    """The highest mean over `WINDOW_S`, and the highest cycle.

    Args:
        spent: what is spent when.
        floor: joules a cycle beside it.
        cycles: of the execution.
        clock_hz: of the chip.
    """
    length = min(max(1, round(WINDOW_S * clock_hz)), max(cycles, 1))
    edges, level = _levels(spent, cycles)
    level = level + floor
    at = int(level.argmax())
    cycle = Peak(float(level[at]) * clock_hz, int(edges[at]), int(edges[at + 1]))
    # The energy up to a cycle is linear between edges, so the best window begins or ends at one of them.
    until = np.concatenate([[0.0], np.cumsum(level * np.diff(edges))])
    begins = np.unique(np.clip(np.concatenate([edges, edges - length]), 0, max(cycles - length, 0)))
    joules = np.interp(begins + length, edges, until) - np.interp(begins, edges, until)
    best = int(joules.argmax())
    start = int(begins[best])
    return Peak(float(joules[best]) * clock_hz / length, start, start + length), cycle


def _levels(spent: Iterable[Spent], cycles: int) -> tuple[Ints, Floats]:
    """The step function: [K + 1] cycles at which it changes, and [K] joules a cycle from each to the next."""
    begin, end, rate = [], [], []
    for s in spent:
        begin.append(s.begin)
        end.append(s.end)
        rate.append(s.joules / (s.end - s.begin))
    changes = np.concatenate([*begin, *end, [0, max(cycles, 1)]]).astype(np.int64)
    rates = np.concatenate([*rate, *(-r for r in rate), [0.0, 0.0]])
    edges, where = np.unique(changes, return_inverse=True)
    level = np.cumsum(np.bincount(where, rates, minlength=len(edges)))[:-1]
    return edges, np.maximum(level, 0.0)
