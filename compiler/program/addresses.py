"""Whether the counts that a schedule looks up are there, whatever its loops' ordinals are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.errors import ProgramError


def check_addresses(
    where: str, instructions: NDArray[np.void], loops: NDArray[np.void], trips: list[int], size: int
) -> None:
    """Refuse a schedule that looks up a count outside of the table, which compiled code would do blindly.

    Args:
        where: entry, for the message.
        instructions: [I] rows of `INSTRUCTION`.
        loops: [K] rows of `LOOP`, parents first.
        trips: [K] trip of each, the largest one where it depends on data.
        size: how many counts there are.

    Raises:
        ProgramError: an address may lie outside.
    """
    chains: list[list[int]] = []
    inner: NDArray[np.int64] = np.full(len(instructions), -1, np.int64)
    for k, row in enumerate(loops):
        parent = int(row["parent"])
        chains.append([*(chains[parent] if parent >= 0 else []), k])
        inner[int(row["begin"]) : int(row["end"])] = k
        around = chains[parent] if parent >= 0 else []
        if row["count"] >= 0 and _runs(around, trips) and not 0 <= _last(row, around, trips) < size:
            raise ProgramError(_said(where, f"loop {k}'s trip", size))
    for k in np.unique(inner).tolist():
        chain = chains[k] if k >= 0 else []
        if not _runs(chain, trips):
            continue  # an execution in which no sample goes there keeps no counts for it
        for i in np.flatnonzero((inner == k) & (instructions["count"] >= 0)).tolist():
            if not 0 <= _last(instructions[i], chain, trips) < size:
                raise ProgramError(_said(where, f"instruction {i}'s count", size))


def _runs(chain: list[int], trips: list[int]) -> bool:
    """Whether what stands in these loops may happen at all."""
    return all(trips[k] > 0 for k in chain)


def _last(row: np.void, chain: list[int], trips: list[int]) -> int:
    """The largest address of a count; strides are not negative."""
    return int(row["count"]) + sum(_reach(row, chain, trips))


def _reach(row: np.void, chain: list[int], trips: list[int]) -> Iterator[int]:
    for level, k in enumerate(chain):
        yield max(trips[k] - 1, 0) * int(row["stride"][level])


def _said(where: str, what: str, size: int) -> str:
    return f"{where}: {what} must be one of {size} counts, whatever its loops do, and may lie outside; compile again"
