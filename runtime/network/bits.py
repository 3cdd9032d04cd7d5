# mypy: disable-error-code="untyped-decorator"
"""Words of 64 bits as sets of small numbers, and counting around an end, compiled."""

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

ONE = np.uint64(1)
ZERO = np.uint64(0)
_BRUIJN = 0x03F79D71B4CB0A89
"""A de Bruijn sequence: its 64 windows of 6 bits all differ."""

_PLACE_OF = np.zeros(64, np.int64)
for _place in range(64):
    _PLACE_OF[(_BRUIJN << _place) % 2**64 >> 58] = _place
_MULTIPLIER = np.uint64(_BRUIJN)


@njit(cache=True, forceinline=True)
def lowest(mask: Any) -> Any:
    """The place of the lowest bit of a mask that is not 0."""
    return _PLACE_OF[((mask & (~mask + ONE)) * _MULTIPLIER) >> np.uint64(58)]


@njit(cache=True, forceinline=True)
def first_from(mask: Any, start: Any) -> Any:
    """The place of the first bit at or after `start`, around the end; the mask is not 0."""
    upper = (mask >> np.uint64(start)) << np.uint64(start)
    return lowest(upper) if upper != ZERO else lowest(mask)


@njit(cache=True, forceinline=True)
def bit(place: Any) -> Any:
    """The set of one place."""
    return ONE << np.uint64(place)


@njit(cache=True, forceinline=True)
def after(value: int, count: int) -> Any:
    """The next of `count` numbers, around the end."""
    return value + 1 if value + 1 < count else 0
