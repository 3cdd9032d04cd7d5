"""The vectors of a training step under Tiki-Taka v2, c-TTv2 or AGAD, in one call.

It gives what interpreting the rule's tile operations gives (`compiler/rules/buffered.py`), bit for bit.

Digital arithmetic is float32 in the order of the rule's segments, without fused multiply-adds. Pulses and reads are
those of the crossbar's own kernels.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.update_kernel import update_pulsed
from ohmflow.runtime.rules.row_read import read_row

PLAIN, CHOPPED, DYNAMIC = 0, 1, 2
"""Kinds: Tiki-Taka v2, c-TTv2, AGAD."""

# Places in `numbers`, float64.
FAST_LR, TOP, SHARE, PER_STEP, STEP, KEEP, GO, MOST, STAYS, COMES, MEAN_STAYS, MEAN_COMES = range(12)
# Places in `whole`, int64.
KIND, EVERY, ROWS, FORGET, PERIOD, VECTORS, SHIFTED = range(7)

_NONE = np.float32(0.0)
_ONE = np.float32(1.0)


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
def run_vectors(
    xs: Any,
    ds: Any,
    lr: Any,
    numbers: Any,
    whole: Any,
    count: int,
    largest: Any,
    signs: Any,
    draws: Any,
    matrices: Any,
    site: Any,
    purposes: Any,
    fast: Any,
    fast_planes: Any,
    main: Any,
    main_planes: Any,
    alphas: Any,
    settings: Any,
    schemes: Any,
    identities: Any,
    fast_blocks: Any,
    main_blocks: Any,
    read_settings: Any,
    scales: Any,
    conductance: Any,
    variances: Any,
    mismatches: Any,
    lengths: Any,
    taken: Any,
    retries: Any,
    fast_counts: Any,
    main_counts: Any,
    totals: Any,
    read_counts: Any,
    doses: Any,
) -> int:
    """Apply all vectors of a step, in order.

    Args:
        xs: [n, rows] float32 inputs.
        ds: [n, cols] float32 errors.
        lr: float32 learning rate.
        numbers: [12] float64, see FAST_LR and the following.
        whole: [7] int64, see KIND and the following.
        count: vectors before.
        largest: [2] float32 running means, changed.
        signs: [rows] float32 of the chopper, changed; ones without one.
        draws: [n, vectors of a sample] float32, whether signs flip; empty without.
        matrices: [4, rows, cols] or fewer matrices H, mean, reference, zero as a tuple; changed.
        site: site and step.
        purposes: of the fast update, the read and the write.
        fast: [rows, cols] float32 weights of A, device units, changed.
        fast_planes: its devices.
        main: the same of C.
        main_planes: its devices.
        alphas: of A and of C.
        settings: of the updates of A and of C, see `trains`.
        schemes: numbers of the schemes of both, see `update_schemes`.
        identities: uint64 seed and array, of A and of C.
        fast_blocks: [blocks, 4] of A.
        main_blocks: [blocks, 4] of C.
        read_settings: of A, see `read_converters`.
        scales: [blocks] of A's forward reads.
        conductance: slope, base, and whether there is a dose.
        variances: of A's forward reads.
        mismatches: of A's forward reads, empty.
        lengths: [n, 2] int32 train lengths of A and C, zeros, set.
        taken: [n] int64, zeros, set to 1 where a row was transferred.
        retries: [n, blocks] int32, zeros, set.
        fast_counts: [3, blocks] of A's updates, added to.
        main_counts: [3, blocks] of C's.
        totals: [2, 3] of A's and C's, added to.
        read_counts: [2, blocks] of A's reads, added to.
        doses: [blocks] added to.

    Returns:
        Vectors so far.
    """
    n, rows = xs.shape
    cols = ds.shape[1]
    signed = np.empty((1, rows), np.float32)
    point = np.zeros((1, rows), np.float32)
    minus = np.empty((1, cols), np.float32)
    line = np.empty((1, cols), np.float32)
    length = np.zeros(1, np.int32)
    h, mean, reference, zero = matrices
    kind = whole[KIND]
    step_rate = float(np.float32(numbers[STEP])) / alphas[1]
    for i in range(n):
        rate, gain = pace(xs[i], ds[i], largest, lr, numbers)
        count += 1
        for r in range(rows):
            signed[0, r] = xs[i, r] * signs[r] if kind != PLAIN else xs[i, r]
        fast_site = (purposes[0], site[0], site[1], 0, i, 1)
        update_pulsed(
            fast,
            fast_planes,
            signed,
            ds[i : i + 1],
            float(rate) / alphas[0],
            settings[0],
            identities[0],
            fast_site,
            fast_blocks,
            length,
            fast_counts,
            totals[0],
            None,
            schemes[0],
        )
        lengths[i, 0] = length[0]
        if count % whole[EVERY] != 0:
            continue
        taken[i] = 1
        turn = count // whole[EVERY] - 1
        k, sweep = turn % rows, turn // rows
        read_site = (purposes[1], site[0], site[1], 0, i, 1)
        read_row(
            fast,
            k,
            read_settings,
            scales,
            conductance[0],
            conductance[1],
            conductance[2] != 0.0,
            identities[0],
            read_site,
            fast_blocks,
            variances,
            mismatches,
            line,
            retries[i : i + 1],
            read_counts,
            doses,
        )
        if collect(line[0], gain, signs[k], sweep, h[k], mean[k], reference[k], zero[k], numbers, whole, minus[0]):
            point[0, k] = _ONE
            main_site = (purposes[2], site[0], site[1], 0, i, 1)
            update_pulsed(
                main,
                main_planes,
                point,
                minus,
                step_rate,
                settings[1],
                identities[1],
                main_site,
                main_blocks,
                length,
                main_counts,
                totals[1],
                None,
                schemes[1],
            )
            lengths[i, 1] = length[0]
            point[0, k] = _NONE
        flips = False
        if kind == CHOPPED:
            flips = draws[i, (count - 1) % whole[VECTORS]] != _NONE
        elif kind == DYNAMIC:
            flips = sweep % whole[PERIOD] == whole[PERIOD] - 1
        if flips:
            signs[k] = -signs[k]
    return count
