"""What the value engine carries along while it runs an entry."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import CountLayout, Entry


@dataclass
class Frame:
    """One execution of an entry.

    Attributes:
        entry: what is run.
        env: value by number; inside a vectorised map, an array's first axis is the sample.
        scalars: run scalars by name.
        step: training step, part of every draw's key.
        ordinal: [K] completed iterations of each serial loop in its current execution.
        index: [K] logical index of each serial loop (they differ in a reverse loop).
        trips: [K] trip of each loop in its current execution (the largest one over rows).
        active: rows that still run inside a data-dependent loop of a vectorised map, or None for all.
        counts: count arrays by group, in the group's shape.
    """

    entry: Entry
    env: list[Any]
    scalars: dict[str, Any]
    step: int
    ordinal: list[int]
    index: list[int]
    trips: list[int]
    active: NDArray[np.bool_] | None = None
    counts: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    data_trips: dict[int, int] = field(default_factory=dict)

    def layout(self) -> CountLayout:
        """Addresses of this execution's counts, for the clock."""
        return CountLayout.of(self.entry, self.scalars, self.data_trips)

    def width(self, group: int) -> int:
        """Counts that a count group has at each place of its loops."""
        return int(self.entry.groups["width"][group])

    def flat_counts(self, layout: CountLayout) -> NDArray[np.int64]:
        """All counts in one array, where `layout` says they stand."""
        flat = np.zeros(layout.size, np.int64)
        for group, counts in self.counts.items():
            if counts.shape == layout.shapes[group]:
                base = layout.base[group]
                flat[base : base + counts.size] = counts.ravel()
                continue
            view = layout.view(flat, group)
            common = tuple(slice(0, min(have, need)) for have, need in zip(counts.shape, view.shape, strict=True))
            view[common] = counts[common]
        return flat
