"""Counter-based random draws: a draw is a hash of what it is for, never of when it was made.

`docs/semantics.md`, *Randomness*, is the definition. A vector's key folds (seed, purpose, array, site, step, sample,
position, retry); the draw at a place is `mix(key + G·(1 + index))` with

    index = kind·2^62 + row·2^34 + column·2^6 + ordinal,        kind: 0 row line, 1 column line, 2 crosspoint

where row and column are logical, the one that a line does not have is 0, and the ordinal is below 64. From a hash h
follow

* a *uniform*: its upper 53 bits / 2^53;
* a *normal*: the upper 12 bits choose a cell of `NORMAL_NODES`, the next 24 bits interpolate in it;
* a *pulse normal*, which a pulse of a crosspoint takes, of 32 bits that `pulse_row_key` and `pulse_column_key` give:
  `pulse_normal`;
* a *line train*: the bits of the slots' uniforms, most significant first. Bit t of the hash with ordinal b is binary
  digit b of slot t's uniform. So all slots are compared with the probability at once, and the comparison ends when no
  slot is undecided: about log2(BL) + 2 hashes a train and not BL. Probabilities are multiples of 2^-32.

The mixing function is the finaliser of splitmix64 (Steele, Lea, Flood 2014, 10.1145/2660193.2660195).
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from enum import IntEnum
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import fused, popcount32

KIND_ROW, KIND_COLUMN, KIND_CROSSPOINT, KIND_PULSE = 0, 1, 2, 3
TRAIN_BITS = 32
NORMAL_CELLS = 4096

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)


class Purpose(IntEnum):
    """What a draw is for: the second field of every key."""

    DEVICE = 1
    PROGRAM = 2
    FORWARD = 3
    BACKWARD = 4
    UPDATE = 5
    EVALUATION = 6
    TRANSFER = 7
    MASK = 8
    AGEING = 9


def _normal_nodes() -> npt.NDArray[np.float32]:
    """Tabulate the normal quantile function, scaled so that linear interpolation in it has unit variance.

    Returns:
        [NORMAL_CELLS + 1] quantiles at i / NORMAL_CELLS. The quantiles at 0 and 1 are infinite; the end nodes are
        those with which the last cell has the mean of the normal's tail.
    """
    normal = NormalDist()
    upper = [normal.inv_cdf(i / NORMAL_CELLS) for i in range(NORMAL_CELLS // 2 + 1, NORMAL_CELLS)]
    tail_mean = normal.pdf(upper[-1]) * NORMAL_CELLS
    upper.append(2.0 * tail_mean - upper[-1])
    nodes = np.array([-q for q in reversed(upper)] + [0.0, *upper])
    low, high = nodes[:-1], nodes[1:]
    variance = float(np.mean((low * low + low * high + high * high) / 3.0))
    return (nodes / variance**0.5).astype(np.float32)


NORMAL_NODES = _normal_nodes()
_GOLDEN32 = np.uint32(0x9E3779B9)
_N1 = np.uint32(0x7FEB352D)
_N2 = np.uint32(0x846CA68B)
_WHOLE = np.float32(2.0**-16)
_CENTRE = np.float32(17.0 - 2.0**-16)
# Fitted to the normal quantiles of (ones − 16) + two uniform numbers, weighted by density, and scaled to unit variance.
_C1, _C3, _C5 = np.float32(0.34733875), np.float32(9.9312576e-05), np.float32(2.0941365e-07)
NORMAL_REACH = 6.7
"""No normal draw is larger in magnitude."""


@njit(cache=True)
def mix(z: np.uint64) -> np.uint64:
    """Hash 64 bits to 64 bits, one to one."""
    z = z ^ (z >> np.uint64(30))
    z = z * _M1
    z = z ^ (z >> np.uint64(27))
    z = z * _M2
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def fold(h: np.uint64, field: int, position: int) -> np.uint64:
    """Fold the field at `position` (from 0) into the key so far, h (0 before the first)."""
    return mix(h ^ (np.uint64(field) + GOLDEN * np.uint64(position + 1)))


@njit(cache=True)
def line_offset(kind: int, row: int, column: int) -> np.uint64:
    """Return what a key needs added to it so that `mix(offset + key + G·ordinal)` is the draw at a place."""
    index = (np.uint64(kind) << np.uint64(62)) | (np.uint64(row) << np.uint64(34)) | (np.uint64(column) << np.uint64(6))
    return GOLDEN * (_ONE + index)


@njit(cache=True)
def hash_at(start: np.uint64, ordinal: int) -> np.uint64:
    """Return the hash of an ordinal, `start` being a key plus a place's offset."""
    return mix(start + GOLDEN * np.uint64(ordinal))


@njit(cache=True)
def uniform(h: np.uint64) -> float:
    """Turn a hash into a uniform number in [0, 1)."""
    return float(np.int64(h >> np.uint64(11))) * 2.0**-53


@njit(cache=True)
def normal(h: np.uint64) -> np.float32:
    """Turn a hash into a standard normal number, by interpolation in `NORMAL_NODES`."""
    cell = h >> np.uint64(52)
    fraction = np.float32(np.int32((h >> np.uint64(28)) & np.uint64(0xFFFFFF))) * np.float32(2.0**-24)
    low = NORMAL_NODES[cell]
    return low + fraction * (NORMAL_NODES[cell + _ONE] - low)


@njit(cache=True)
def pulse_row_key(key: np.uint64, row: int) -> np.uint32:
    """Return a row's part of the key of its crosspoints' pulses; the sum of row's and column's parts is theirs."""
    return np.uint32(mix(key + line_offset(KIND_PULSE, row, 0)) >> np.uint64(32))


@njit(cache=True)
def pulse_column_key(key: np.uint64, column: int) -> np.uint32:
    """Return a column's part of the key of its crosspoints' pulses."""
    return np.uint32(mix(key + line_offset(KIND_PULSE, 0, column) + GOLDEN) >> np.uint64(32))


@njit(cache=True)
def _first_round(place: np.uint32, ordinal: np.uint32) -> np.uint32:
    # numba makes 64 bits of every operation on 32: each is cut back, or vector instructions would hold half as many.
    h = np.uint32(place + np.uint32(_GOLDEN32 * ordinal))
    h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
    h = np.uint32(h * _N1)
    return np.uint32(h ^ np.uint32(h >> np.uint32(15)))


@njit(cache=True)
def pulse_normal(place: np.uint32, ordinal: np.uint32) -> np.float32:
    """Draw the standard normal number of a crosspoint's pulse.

    The number of ones among 32 random bits is binomial; two uniform numbers of 16 bits fill the steps between, and an
    odd polynomial makes the kurtosis and the tails those of the normal. Distribution function within 2·10⁻⁴, density of
    the tail within 4 % up to 5 standard deviations. All of it compiles to vector instructions, without a table.
    Source of the hash: `lowbias32` (C. Wellons, hash-prospector), without its last shift, which moves no ones.

    Args:
        place: sum of the keys of row and column.
        ordinal: of the pulse.

    Returns:
        The number, at most `NORMAL_REACH` in magnitude.
    """
    h = _first_round(place, ordinal)
    ones = popcount32(np.uint32(h * _N2))
    high = np.uint32(np.uint32(ones << np.uint32(16)) | np.uint32(h >> np.uint32(16)))
    total = np.uint32(high + np.uint32(h & np.uint32(0xFFFF)))
    y = fused(np.float32(np.int32(total)), _WHOLE, -_CENTRE)
    z = y * y
    return y * fused(z, fused(z, _C5, _C3), _C1)


@njit(cache=True)
def pulse_uniform(place: np.uint32, ordinal: np.uint32) -> np.float32:
    """Draw the uniform number in [0, 1) of a crosspoint, a multiple of 2^-24."""
    h = np.uint32(_first_round(place, ordinal) * _N2)
    h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
    return np.float32(np.int32(np.uint32(h >> np.uint32(8)))) * np.float32(2.0**-24)


@njit(cache=True)
def threshold(probability: float) -> np.uint64:
    """Turn a probability, clipped to 1, into the nearest integer for `line_train`: what rounding left of 1 is 1."""
    return np.uint64(min(probability, 1.0) * 4294967296.0 + 0.5)


@njit(cache=True)
def line_train(start: np.uint64, limit: np.uint64, slots: np.uint64, first: int = 0) -> np.uint64:
    """Draw the slots in which a line fires.

    Args:
        start: the vector's key plus the line's offset.
        limit: `threshold(p)`, at most 2^32.
        slots: mask of the train's slots, 2^BL − 1.
        first: digit to begin with; in `slots`, the digits before it equal those of p.

    Returns:
        Mask of the slots that fire, each with probability limit / 2^32, independently.
    """
    if limit >= np.uint64(1 << TRAIN_BITS):
        return slots
    fired = np.uint64(0)
    undecided = slots
    ordinal = np.uint64(first)
    # Without a branch on the digits, which are random; that none is undecided is asked for every fourth digit only.
    while undecided != np.uint64(0) and ordinal < np.uint64(TRAIN_BITS):
        for _ in range(4):
            digits = mix(start + GOLDEN * ordinal)
            digit = np.uint64(0) - ((limit >> (np.uint64(TRAIN_BITS - 1) - ordinal)) & _ONE)
            fired |= undecided & digit & ~digits
            undecided &= ~(digits ^ digit)
            ordinal += _ONE
    return fired


@njit(cache=True)
def normal_plane(key: np.uint64, rows: int, cols: int) -> npt.NDArray[np.float32]:
    """Draw one standard normal number a crosspoint.

    Args:
        key: what the plane is for.
        rows: logical rows.
        cols: logical columns.

    Returns:
        [rows, cols] draws with ordinal 0.
    """
    plane = np.empty((rows, cols), np.float32)
    for r in range(rows):
        for c in range(cols):
            plane[r, c] = normal(mix(key + line_offset(KIND_CROSSPOINT, r, c)))
    return plane


def key_of(*fields: int) -> int:
    """Fold fields into a key in exact Python integers.

    Args:
        fields: non-negative integers below 2^64.

    Returns:
        The key that `fold` gives for the same fields.
    """
    h = 0
    for position, field in enumerate(fields):
        h = mix_int(h ^ ((field + int(GOLDEN) * (position + 1)) % 2**64))
    return h


def mix_int(z: int) -> int:
    """Return what `mix` returns, in exact Python integers."""
    z ^= z >> 30
    z = z * int(_M1) % 2**64
    z ^= z >> 27
    z = z * int(_M2) % 2**64
    return z ^ (z >> 31)
