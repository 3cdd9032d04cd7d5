"""Where an operation's draws and counts belong: which sample, which position, which place in a count group."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.plan import Node


def runs(active: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Contiguous runs of active rows, since the rows of one read are consecutive samples."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def draw_position(node: Node, frame: Frame) -> tuple[int, int]:
    """Sample and position of an operation's draws: the outermost loop counts samples, inner ones count positions."""
    if not node.loops:
        return 0, 0
    loops = frame.entry.loops
    first = 0 if node.vector else frame.index[node.loops[0]]
    position = 0
    for loop in node.loops[1:]:
        if loops["code"][loop] != Op.WHEN:
            position = position * max(frame.trips[loop], 1) + frame.index[loop]
    return first, position


def store(node: Node, frame: Frame, counts: NDArray[Any], rows: slice | None, group: int | None = None) -> None:
    """Put counts where the clock will look for them: by ordinal of the serial loops, by sample in a vectorised map."""
    number = node.group if group is None else group
    extents = [frame.trips[k] for k in node.loops]
    table = frame.counts.get(number)
    width = int(frame.entry.groups["width"][number])
    if table is None or any(have < need for have, need in zip(table.shape, extents, strict=False)):
        table = _grown(table, (*extents, width))
        frame.counts[number] = table
    place: list[Any] = []
    for loop in node.loops:
        if node.vector and loop == node.loops[0]:
            place.append(slice(None) if rows is None else rows)
        else:
            place.append(frame.ordinal[loop])
    table[tuple(place)] = counts


def store_positions(node: Node, frame: Frame, counts: NDArray[np.int64]) -> None:
    """Put the counts of all samples and positions where the clock will look for them.

    Args:
        node: an operation in a loop over positions, which is the last of its loops.
        frame: serial loops around it are at the place that the counts are for.
        counts: [samples, positions, width].
    """
    extents = [frame.trips[k] for k in node.loops]
    table = frame.counts.get(node.group)
    if table is None or any(have < need for have, need in zip(table.shape, extents, strict=False)):
        table = frame.counts[node.group] = _grown(table, (*extents, counts.shape[-1]))
    place: list[Any] = [slice(None), *(frame.ordinal[k] for k in node.loops[1:-1])]
    table[tuple(place)] = counts


def _grown(table: NDArray[np.int64] | None, shape: tuple[int, ...]) -> NDArray[np.int64]:
    if table is None:
        return np.zeros(shape, np.int64)
    grown = np.zeros(tuple(max(a, b) for a, b in zip(table.shape, shape, strict=True)), np.int64)
    grown[tuple(slice(0, n) for n in table.shape)] = table
    return grown


def samples(node: Node, frame: Frame) -> int:
    """Samples of the vectorised map around an operation; outside of one, an operation has one."""
    return frame.trips[node.loops[0]] if node.vector else 1


def where(active: NDArray[np.bool_] | None, new: Any, old: Any) -> Any:
    """`new` for the samples that take part, `old` for the others."""
    if active is None:
        return new
    return np.where(active.reshape(-1, *(1 for _ in range(np.ndim(old) - 1))), new, old)
