"""What the value engine carries along while it runs an entry."""

from collections.abc import Mapping
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
        samples: how many samples are given.
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
    samples: int = 1
    active: NDArray[np.bool_] | None = None
    counts: dict[int, NDArray[Any]] = field(default_factory=dict)
    data_trips: dict[int, int] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        entry: Entry,
        rows: Mapping[str, NDArray[Any]],
        scalars: Mapping[str, Any],
        step: int,
        kept: dict[int, NDArray[np.float32]],
    ) -> "Frame":
        """Begin an execution: its arguments are the first values.

        Args:
            entry: what is run.
            rows: for each argument of kind `rows`, an array whose first axis is the sample.
            scalars: by argument.
            step: training step.
            kept: arrays of the entry's float scalars, by number, made when they are first wanted.
        """
        loops = len(entry.loops)
        env: list[Any] = [None] * len(entry.values)
        for number, argument in enumerate(entry.arguments):
            if argument.kind == "rows":
                env[number] = rows[argument.name]
            elif argument.dtype == "float32" and argument.kind != "scalar":
                env[number] = np.array(scalars[argument.name], np.float32)
            elif argument.dtype == "float32":
                place = kept.get(number)
                if place is None:
                    place = kept[number] = np.empty((), np.float32)
                place[()] = scalars[argument.name]
                env[number] = place
            else:
                env[number] = scalars[argument.name]
        samples = int(scalars.get("batch", 1))
        return cls(entry, env, dict(scalars), step, [0] * loops, [0] * loops, [1] * loops, samples)

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
