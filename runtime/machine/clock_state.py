# mypy: disable-error-code="untyped-decorator"
"""The event engine's state: one flat array, so that it compiles, copies and compares fast."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

Ints = NDArray[np.int64]

PC, DEPTH, STACK, ORDINAL, TRIPS, READY, PACKETS, COVERED, BANK_FREE, ENTERED, ARRIVAL, CREDITS = range(12)
ARRIVED, CONSUMED, TAKEN, RETURNED, COME, KEYS, FREE, HEAP = range(12, 20)
LINK_BUSY, LINK_WAIT, PHASE_CYCLES, EXECUTED, ACTIVITY, MARKS = range(20, 26)
"""Sections of a state, which is one flat array: all that decides what the engine does next, and its sums so far."""

HEAP_SIZE, END = 0, 1
"""Entries of the section `MARKS`."""


def state_sections(
    units: int, channels: int, ring: int, links: int, instructions: int, branches: int = 0, keys: int = 0
) -> Ints:
    """Where each section of a state begins, and the end of the last, in the order of `PC` … `MARKS`.

    Args:
        units: of the schedule.
        channels: of the schedule.
        ring: messages that all channels may hold.
        links: of the schedule.
        instructions: of the schedule.
        branches: of all joins of sums.
        keys: of the messages that joins may hold.
    """
    heap = 4 * (ring + 1)
    sizes = [units, units, 4 * units, 4 * units, 4 * units, units, units, units, 2 * units, units, ring, ring]
    sizes += [channels] * 4 + [branches, keys, links, heap, links, links, 7 * units, instructions, 4 * instructions, 2]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


@njit(cache=True, inline="always")
def part(state: Ints, sections: Ints, which: int) -> Ints:
    """A section of a state, flat."""
    return state[sections[which] : sections[which + 1]]
