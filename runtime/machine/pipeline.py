"""Executions of a pipelined entry that overlap, on values: in the order of beats, so each read sees its version.

`ohmflow.compiler.program.beats` says what is done when. Arrays and states are the machine's, and change as operations
reach them; everything else of an execution lies in a frame of its own, and in steps of its own, whose arrays no other
execution under way uses.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.beats import depth_of
from ohmflow.compiler.program.entry import CountLayout, Entry
from ohmflow.runtime.ledger.tally import Tally
from ohmflow.runtime.machine.direct import Step
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.plan import Node
from ohmflow.runtime.machine.steps import Parts, make_steps


class Pipeline:
    """Runs a pipelined entry.

    Args:
        entry: whose operations have lags.
        nodes: its plan.
        returned: numbers of the values that it returns.
        parts: what steps are made of.
    """

    def __init__(self, entry: Entry, nodes: Sequence[Node], returned: Sequence[int], parts: Parts) -> None:
        self._entry, self._returned = entry, returned
        lags = entry.operations["lag"]
        groups = [(int(lag), tuple(some)) for lag, some in groupby(nodes, lambda node: int(lags[node.row]))]
        self._last = max((lag for lag, _ in groups), default=0)
        self._ends = max((k for k, (lag, _) in enumerate(groups) if lag == self._last), default=0)
        self._slots: list[list[tuple[int, tuple[Step, ...]]]] = [
            [(lag, make_steps(some, entry, parts)) for lag, some in groups] for _ in range(depth_of(entry.operations))
        ]

    def run(
        self, rows: Sequence[Mapping[str, NDArray[Any]]], scalars: Mapping[str, Any], step: int, tally: Tally
    ) -> tuple[dict[str, NDArray[Any]], list[Frame]]:
        """Run as many executions as there are rows, each of one sample.

        Args:
            rows: arguments of each execution.
            scalars: by argument; the batch is 1.
            step: of the first execution; those behind it count on.
            tally: of the entry.

        Returns:
            Results of all executions, one behind the other, and their frames.
        """
        number = len(rows)
        frames: list[Frame] = []
        results: list[list[Any]] = []
        for beat in range(number + min(self._last, number)):
            if beat < number:
                frames.append(Frame.begin(self._entry, rows[beat], scalars, step + beat, {}))
            for group in range(len(self._slots[0])):
                k = beat - min(self._slots[0][group][0], number)
                if not 0 <= k < number:
                    continue
                for act in self._slots[k % len(self._slots)][group][1]:
                    act(frames[k], tally)
                if group == self._ends:
                    results.append([np.array(frames[k].env[value]) for value in self._returned])
        named = zip(self._entry.results, zip(*results, strict=True), strict=True)
        return {argument.name: np.stack(values) for argument, values in named}, frames


def counts_of(frames: Sequence[Frame]) -> tuple[CountLayout, NDArray[np.int64], tuple[tuple[int, int], ...]]:
    """Counts of executions, one behind the other, as a schedule of all of them looks them up.

    Args:
        frames: at least one.

    Returns:
        The layout of each, the counts of all, and the largest trip of each loop whose trip is from data.
    """
    trips: dict[int, int] = {}
    for frame in frames:
        for loop, trip in frame.data_trips.items():
            trips[loop] = max(trips.get(loop, 0), trip)
    layout = CountLayout.of(frames[0].entry, frames[0].scalars, trips)
    return layout, np.concatenate([frame.flat_counts(layout) for frame in frames]), tuple(sorted(trips.items()))
