# mypy: disable-error-code="untyped-decorator"
"""The event engine's heap: rows of (cycle, key, step, branch), earliest first.

Two rows with equal cycle and key are copies of one message, which never meet, so their order means nothing.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

Ints = NDArray[np.int64]


@njit(cache=True, inline="always")
def _before(cycle_a: int, key_a: int, cycle_b: int, key_b: int) -> bool:
    return cycle_a < cycle_b or (cycle_a == cycle_b and key_a < key_b)


@njit(cache=True)
def push(heap: Ints, size: int, cycle: int, key: int, step: int, branch: int) -> int:
    """Add a message that enters a step, or arrives (a step below 0). Returns the new size."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if not _before(cycle, key, heap[parent, 0], heap[parent, 1]):
            break
        heap[i, 0], heap[i, 1], heap[i, 2], heap[i, 3] = (
            heap[parent, 0],
            heap[parent, 1],
            heap[parent, 2],
            heap[parent, 3],
        )
        i = parent
    heap[i, 0], heap[i, 1], heap[i, 2], heap[i, 3] = cycle, key, step, branch
    return size + 1


@njit(cache=True)
def pop(heap: Ints, size: int) -> int:
    """Remove the root; the caller has read it. Returns the new size."""
    size -= 1
    cycle, key, step, branch = heap[size, 0], heap[size, 1], heap[size, 2], heap[size, 3]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(heap[child + 1, 0], heap[child + 1, 1], heap[child, 0], heap[child, 1]):
            child += 1
        if not _before(heap[child, 0], heap[child, 1], cycle, key):
            break
        heap[i, 0], heap[i, 1], heap[i, 2], heap[i, 3] = heap[child, 0], heap[child, 1], heap[child, 2], heap[child, 3]
        i = child
    heap[i, 0], heap[i, 1], heap[i, 2], heap[i, 3] = cycle, key, step, branch
    return size
