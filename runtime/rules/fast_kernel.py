"""The vectors of a training step under a rule with a fast array, in one call.

It gives what interpreting the rule's tile operations gives (`compiler/rules/buffered.py`, `shd.py`, `residual.py`,
`tiki_taka.py`), bit for bit.

Digital arithmetic is float32 in the order of the rule's segments, without fused multiply-adds. Pulses and reads are
those of the crossbar's own kernels.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any, NamedTuple

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.update_kernel import update_pulsed
from ohmflow.runtime.crossbar.write_noise import show
from ohmflow.runtime.rules.line_read import read_line

PLAIN, CHOPPED, DYNAMIC, DIRECT = 0, 1, 2, 3
"""Kinds: Tiki-Taka v2, c-TTv2, AGAD; and rules whose lines go over as they are, without a digital matrix."""

# Places in `numbers`, float64.
FAST_LR, TOP, SHARE, PER_STEP, STEP, KEEP, GO, MOST, STAYS, COMES, MEAN_STAYS, MEAN_COMES = range(12)
# Places in `whole`, int64.
KIND, EVERY, LINES, FORGET, PERIOD, VECTORS, SHIFTED, PACED, BY_COLUMN = range(9)

_NONE = np.float32(0.0)
_ONE = np.float32(1.0)


class Told(NamedTuple):
    """What the kernel counts, for n vectors; all zeros before.

    Attributes:
        lengths: [n, 2] int32 train lengths of A and C.
        taken: [n] int64, 1 where a line was transferred.
        retries: [n, blocks of A] int32.
        fast_counts: [3, blocks of A] of A's updates, added to.
        main_counts: [3, blocks of C] of C's.
        totals: [2, 3] of A's and C's, added to.
        read_counts: [2, blocks of A] of A's reads, added to.
        doses: [blocks of A] added to.
    """

    lengths: Any
    taken: Any
    retries: Any
    fast_counts: Any
    main_counts: Any
    totals: Any
    read_counts: Any
    doses: Any


class Remembered(NamedTuple):
    """What a rule remembers of vectors; all of it is changed.

    Attributes:
        largest: [2] float32 running means of the largest magnitudes.
        signs: [rows] float32 of the chopper; ones without one.
        h: [rows, cols] float32, H; of one element without.
        mean: likewise, for AGAD.
        reference: likewise.
        zero: likewise, what zero-shifting found.
    """

    largest: Any
    signs: Any
    h: Any
    mean: Any
    reference: Any
    zero: Any


@njit(cache=True)
def _largest(values: Any) -> Any:
    found = _NONE
    for i in range(values.shape[0]):
        found = max(found, abs(values[i]))
    return found


@njit(cache=True)
def pace(x: Any, d: Any, largest: Any, lr: Any, numbers: Any) -> Any:
    """The segment `pace`: replace the running means, and give the fast rate and what a read counts for."""
    for k in range(2):
        new = _largest(x) if k == 0 else _largest(d)
        mean = largest[k] * np.float32(numbers[STAYS]) + new * np.float32(numbers[COMES])
        kept = largest[k] if new == _NONE else mean
        largest[k] = new if largest[k] == _NONE else kept
    if numbers[FAST_LR] > 0.0:
        return np.float32(numbers[FAST_LR]), lr * np.float32(numbers[SHARE])
    area = largest[0] * largest[1]
    gain = lr * np.float32(numbers[SHARE]) * area
    return (_NONE if area == _NONE else np.float32(numbers[TOP]) / area), gain


@njit(cache=True)
def collect(
    read: Any,
    gain: Any,
    sign: Any,
    sweep: int,
    h: Any,
    mean: Any,
    reference: Any,
    zero: Any,
    numbers: Any,
    whole: Any,
    minus: Any,
) -> bool:
    """The segment `collect` for one row: change h, mean and reference, set minus the steps; say if there are any."""
    factor = gain * np.float32(numbers[PER_STEP])
    keeps, goes, most = np.float32(numbers[KEEP]), np.float32(numbers[GO]), np.float32(numbers[MOST])
    mean_stays, mean_comes = np.float32(numbers[MEAN_STAYS]), np.float32(numbers[MEAN_COMES])
    kind = whole[KIND]
    renews = sweep > 0 and sweep % whole[PERIOD] == 0
    speaks = sweep > whole[PERIOD]
    moves = False
    for j in range(read.shape[0]):
        v = read[j] - zero[j] if whole[SHIFTED] else read[j]
        seen = v
        if kind == CHOPPED:
            seen = v * sign
        elif kind == DYNAMIC:
            if renews:
                reference[j] = mean[j]
            seen = (v - reference[j]) * sign if speaks else _NONE
            mean[j] = mean[j] * mean_stays + v * mean_comes
        total = h[j] + seen * factor
        few = min(np.floor(abs(total)), most)
        steps = few if total > _NONE else -few
        if few > _NONE:
            h[j] = total * keeps if whole[FORGET] else total - steps * goes
            moves = True
        else:
            h[j] = total
        minus[j] = -steps
    return moves


@njit(cache=True)
def _pulse(
    side: Any, x: Any, d: Any, rate: float, purpose: int, site: Any, length: Any, counts: Any, totals: Any
) -> None:
    update_pulsed(
        side.hidden,
        side.planes,
        x,
        d,
        rate,
        side.update_settings,
        side.identity,
        (purpose, site[0], site[1], site[3], site[2], 1),
        side.blocks,
        length,
        counts,
        totals,
        side.marks,
        side.scheme,
    )


@njit(cache=True)
def show_rows(marks: Any, side: Any, first: int, last: int, forgets: bool) -> None:
    """Set what reads see of the devices of some rows that were pulsed, where pulses act on weights of their own.

    Args:
        marks: the side's marks, by themselves: where they are None, no code is made.
        side: the `PlainSide`.
        first: row.
        last: row behind the last.
        forgets: whether marks are cleared.
    """
    if marks is not None:
        rows = slice(first, last)
        show(side.hidden[rows], marks[rows], side.write_noise, side.w[rows])
        if forgets:
            marks[rows] = np.uint64(0)


@njit(cache=True)
def run_vectors(
    xs: Any,
    ds: Any,
    lr: Any,
    given: Any,
    numbers: Any,
    whole: Any,
    count: int,
    held: Any,
    draws: Any,
    places: Any,
    purposes: Any,
    fast: Any,
    main: Any,
    told: Any,
    first: int,
) -> int:
    """Apply vectors of a step, in order.

    Args:
        xs: [n, rows] float32 inputs.
        ds: [n, cols] float32 errors.
        lr: float32 learning rate.
        given: float32 rate of A and gain of a transfer, where whole[PACED] is 0.
        numbers: [12] float64, see FAST_LR and the following.
        whole: [9] int64, see KIND and the following.
        count: vectors before.
        held: a `Remembered`.
        draws: [samples, vectors of a sample] float32, whether signs flip; empty without.
        places: site, step, first sample, first position, positions of each sample here.
        purposes: of the fast update, the read and the write.
        fast: the `PlainSide` of A.
        main: of C.
        told: a `Told`.
        first: place of the first vector in it.

    Returns:
        Vectors so far.
    """
    n, rows = xs.shape
    cols = ds.shape[1]
    kind, by_column = whole[KIND], whole[BY_COLUMN] != 0
    signed = np.empty((1, rows), np.float32)
    point = np.zeros((1, cols if by_column else rows), np.float32)
    minus = np.empty((1, rows if by_column else cols), np.float32)
    line = np.empty((1, minus.shape[1]), np.float32)
    length = np.zeros(1, np.int32)
    step_rate = float(np.float32(numbers[STEP])) / main.alpha
    for i in range(n):
        v = first + i
        sample, position = places[2] + i // places[4], places[3] + i % places[4]
        site = (places[0], places[1], sample, position)
        if whole[PACED]:
            rate, gain = pace(xs[i], ds[i], held.largest, lr, numbers)
        else:
            rate, gain = given
        count += 1
        for r in range(rows):
            signed[0, r] = xs[i, r] * held.signs[r] if kind == CHOPPED or kind == DYNAMIC else xs[i, r]
        _pulse(
            fast,
            signed,
            ds[i : i + 1],
            float(rate) / fast.alpha,
            purposes[0],
            site,
            length,
            told.fast_counts,
            told.totals[0],
        )
        told.lengths[v, 0] = length[0]
        if count % whole[EVERY] != 0:
            continue
        told.taken[v] = 1
        turn = count // whole[EVERY] - 1
        k, sweep = turn % whole[LINES], turn // whole[LINES]
        if by_column:
            show_rows(fast.marks, fast, 0, rows, True)
        else:
            show_rows(fast.marks, fast, k, k + 1, True)
        read_line(
            fast.w,
            k,
            by_column,
            fast.read_settings,
            fast.scales,
            fast.conductance[0],
            fast.conductance[1],
            fast.conductance[2] != 0.0,
            fast.identity,
            (purposes[1], places[0], places[1], position, sample, 1),
            fast.blocks,
            fast.variances,
            fast.mismatches,
            line,
            told.retries[v : v + 1],
            told.read_counts,
            told.doses,
        )
        if kind == DIRECT:
            point[0, k] = -_ONE if gain > _NONE else _ONE  # an update subtracts
            minus[:] = line
            transfer_rate, moves = abs(float(gain)) / main.alpha, True
        else:
            moves = collect(
                line[0],
                gain,
                held.signs[k],
                sweep,
                held.h[k],
                held.mean[k],
                held.reference[k],
                held.zero[k],
                numbers,
                whole,
                minus[0],
            )
            point[0, k] = _ONE
            transfer_rate = step_rate
        if moves:
            if by_column:
                _pulse(main, minus, point, transfer_rate, purposes[2], site, length, told.main_counts, told.totals[1])
            else:
                _pulse(main, point, minus, transfer_rate, purposes[2], site, length, told.main_counts, told.totals[1])
            told.lengths[v, 1] = length[0]
        point[0, k] = _NONE
        flips = False
        if kind == CHOPPED:
            flips = draws[sample, (count - 1) % whole[VECTORS]] != _NONE
        elif kind == DYNAMIC:
            flips = sweep % whole[PERIOD] == whole[PERIOD] - 1
        if flips:
            held.signs[k] = -held.signs[k]
    show_rows(fast.marks, fast, 0, fast.w.shape[0], True)
    show_rows(main.marks, main, 0, main.w.shape[0], True)
    return count
