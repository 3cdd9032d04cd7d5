"""Reads through converters, forward and transposed (`docs/semantics.md`, *A read*).

A vector's result does not depend on the other vectors of the call (`read_products`). So samples may be read in any
grouping, by any number of processes, with the same bits; a general matrix product does not promise that. Vectors are
taken in groups: all of a group are read, then those again whose outputs were clipped, and so on.

Draws: output line j of a block has the vector's key folded with the block's logical origin (row0, col0), kind 1 and
its logical column in a forward read, kind 0 and its logical row in a transposed one.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import largest_magnitude
from ohmflow.runtime.crossbar.draws import KIND_COLUMN, KIND_ROW, fold
from ohmflow.runtime.crossbar.read_converters import (
    ALPHA,
    FLICKER,
    MAX_RETRIES,
    add_noise,
    codes,
    convert,
    dose,
    drive,
    is_clipped,
    mismatch,
)
from ohmflow.runtime.crossbar.read_products import TILE, forward_products, transposed_products

# Rows of the counts.
DRIVEN, CONVERSIONS = 0, 1

GROUP = 64
"""Vectors that are read together: inputs and outputs of a group stay in the processor's second cache."""

_ZERO = np.uint64(0)
_NONE = np.float32(0.0)


@njit(cache=True)
def vector_keys(identity: Any, site: Any, keys: Any) -> None:
    """Fold the keys of vectors up to the retry, which `attempt_key` adds.

    Args:
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        keys: [n] uint64, set.
    """
    purpose, place, step, position, sample0, positions = site
    step_key = fold(fold(_ZERO, identity[0], 0), purpose, 1)
    step_key = fold(fold(fold(step_key, identity[1], 2), place, 3), step, 4)
    for s in range(keys.shape[0]):
        sample_key = fold(step_key, sample0 + s // positions, 5)
        keys[s] = fold(sample_key, position + s % positions, 6)


@njit(cache=True)
def attempt_keys(keys: Any, waiting: Any, count: int, attempt: int, row0: int, col0: int, out: Any) -> None:
    """Fold the number of retries so far and the block's logical origin into the keys of vectors.

    Args:
        keys: [n] uint64 of all vectors.
        waiting: [at least count] int64, the vectors that are read.
        count: how many are.
        attempt: retries so far.
        row0: first row of the block.
        col0: its first column.
        out: [at least count] uint64, set.
    """
    for k in range(count):
        out[k] = fold(fold(fold(keys[waiting[k]], attempt, 7), row0, 8), col0, 9)


@njit(cache=True)
def encode(x: Any, in0: int, waiting: Any, count: int, scale: Any, settings: Any, keys: Any, kind: int, u: Any) -> int:
    """Convert the inputs of some vectors to codes.

    Args:
        x: [n, all input lines] float32.
        in0: first line of the block.
        waiting: [at least count] int64, the vectors that are read.
        count: how many are.
        scale: [at least count] float64 s·2^k.
        settings: see `read_converters`.
        keys: [at least count] uint64 of the attempt.
        kind: of the input lines.
        u: [at least count, lines of the block] float32, set.

    Returns:
        Lines with a code other than 0, over all of them.
    """
    driven = 0
    for k in range(count):
        driven += codes(x[waiting[k], in0 : in0 + u.shape[1]], scale[k], settings, keys[k], kind, in0, u[k])
    return driven


@njit(cache=True)
def excite(u: Any, count: int, settings: Any, mismatches: Any, line_sums: Any) -> float:
    """Turn codes into what drives the lines, and fill up the last tile of vectors with zeros.

    Args:
        u: [whole tiles, lines] float32 codes, changed.
        count: vectors among them.
        settings: see `read_converters`.
        mismatches: [4, at least as many lines] of the block; empty if all converters are alike.
        line_sums: [at least as many lines] float64 siemens; empty to count no dose.

    Returns:
        The dose, siemens.
    """
    total = 0.0
    for k in range(count):
        drive(u[k], settings, mismatches[0], mismatches[1])
        if line_sums.shape[0]:
            total += dose(u[k], line_sums)
    u[count:] = _NONE
    return total


@njit(cache=True)
def multiply(w: Any, row0: int, col0: int, transposed: bool, u: Any, count: int, v: Any) -> None:
    """Set v = u·(block of w), or of its transpose if transposed; see `read_products`."""
    if transposed:
        transposed_products(w, row0, col0, u, count, v)
    else:
        forward_products(w, row0, col0, u, count, v)


@njit(cache=True)
def disturb(
    v: Any,
    count: int,
    variance: Any,
    powers: Any,
    settings: Any,
    mismatches: Any,
    keys: Any,
    kind: int,
    out0: int,
    ordinal: int,
) -> None:
    """Add the noise of the output lines, and let their converters differ.

    Args:
        v: [at least count, lines] float32, changed.
        count: vectors.
        variance: [lines] float32 of the noise that the input does not change.
        powers: [at least count, lines] float32 Σ u²·(squared conductances); empty without flicker.
        settings: see `read_converters`.
        mismatches: [4, at least as many lines] of the block; empty if all converters are alike.
        keys: [at least count] uint64 of the attempt.
        kind: of the output lines.
        out0: first of them.
        ordinal: of the draws.
    """
    sigma = np.sqrt(variance)
    flicker = np.float32(settings[FLICKER] * settings[FLICKER])
    is_noisy = powers.shape[0] > 0 or largest_magnitude(sigma) > 0.0
    for k in range(count):
        if powers.shape[0]:
            for j in range(sigma.shape[0]):
                sigma[j] = np.sqrt(variance[j] + flicker * powers[k, j])
        if is_noisy:
            add_noise(v[k], sigma, keys[k], kind, out0, ordinal)
        mismatch(v[k], mismatches[2], mismatches[3])


@njit(cache=True)
def settle(
    v: Any,
    waiting: Any,
    count: int,
    scale: Any,
    is_last: bool,
    attempt: int,
    settings: Any,
    keys: Any,
    kind: int,
    out0: int,
    ordinal: int,
    y: Any,
    retries: Any,
) -> int:
    """Convert what is not clipped, and keep the other vectors for another attempt.

    Args:
        v: [at least count, lines] float32.
        waiting: [at least count] int64, the vectors that were read; set to those that are to be read again.
        count: how many were.
        scale: [at least count] float64 s·2^k; set likewise, for the next k.
        is_last: whether there is no further attempt.
        attempt: retries so far.
        settings: see `read_converters`.
        keys: [at least count] uint64 of the attempt.
        kind: of the output lines.
        out0: first of them.
        ordinal: of the draws of stochastic rounding.
        y: [n, all output lines] float32, added to.
        retries: [n] int32, set for those that are converted.

    Returns:
        How many are to be read again.
    """
    clipped = 0
    for k in range(count):
        s = waiting[k]
        if not is_last and is_clipped(v[k], settings):
            waiting[clipped], scale[clipped] = s, 2.0 * scale[k]
            clipped += 1
        else:
            retries[s] = attempt
            convert(v[k], settings, scale[k], keys[k], kind, out0, ordinal, y[s, out0 : out0 + v.shape[1]])
    return clipped


@njit(cache=True)
def read(
    w: Any,
    squares: Any,
    x: Any,
    transposed: bool,
    settings: Any,
    scales: Any,
    identity: Any,
    site: Any,
    blocks: Any,
    line_sums: Any,
    variances: Any,
    mismatches: Any,
    y: Any,
    retries: Any,
    counts: Any,
    doses: Any,
) -> None:
    """Read every block with n vectors.

    Args:
        w: [rows, cols] float32 weights, device units, as the wires let them be seen.
        squares: [rows, cols] float32 squares of the conductances of cell and reference, device units, of which noise
            in proportion to the current is made; empty without it.
        x: [n, rows] float32 inputs, or [n, cols] if transposed.
        transposed: whether columns are driven and rows read.
        settings: float64, see `read_converters`.
        scales: [blocks] float64 s; 0 for the largest magnitude of each vector's part.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        line_sums: [blocks, longest line count] float64, siemens, of the driven lines; empty to count no dose.
        variances: [blocks, longest line count] float32, of the noise of output lines that the input does not change.
        mismatches: [4, blocks, longest line count] float32 gain and offset of the input converters, then of the output
            converters; empty if all are alike.
        y: [n, cols] float32, or [n, rows]: zeros, set to α·(sum of the blocks).
        retries: [n, blocks] int32, zeros, set.
        counts: [2, blocks] int64, added to.
        doses: [blocks] float64, added to.
    """
    n = x.shape[0]
    alpha = np.float32(settings[ALPHA])
    limit = 0 if transposed else int(settings[MAX_RETRIES])
    in_kind, out_kind = (KIND_COLUMN, KIND_ROW) if transposed else (KIND_ROW, KIND_COLUMN)
    size = min(n, GROUP)
    size += -size % TILE
    keys, own_keys = np.empty(n, np.uint64), np.empty(size, np.uint64)
    vector_keys(identity, site, keys)
    waiting, scale = np.empty(size, np.int64), np.empty(size, np.float64)

    for b in range(blocks.shape[0]):
        row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
        if transposed:
            in0, ins, out0, outs = col0, cols, row0, rows
        else:
            in0, ins, out0, outs = row0, rows, col0, cols
        own_sums, own_mismatches = line_sums[b], mismatches[:, b, :]
        u, v = np.empty((size, ins), np.float32), np.empty((size, outs), np.float32)
        powers = np.empty((size if squares.size else 0, outs), np.float32)
        for first in range(0, n, size):
            count = 0
            for s in range(first, min(first + size, n)):
                scale[count] = scales[b] if scales[b] != 0.0 else largest_magnitude(x[s, in0 : in0 + ins])
                waiting[count] = s
                if scale[count] == 0.0:  # nothing is driven and the result is 0, but the converters run
                    counts[CONVERSIONS, b] += outs
                else:
                    count += 1
            attempt = 0
            while count > 0:
                padded = count + -count % TILE
                attempt_keys(keys, waiting, count, attempt, row0, col0, own_keys)
                counts[CONVERSIONS, b] += count * outs
                counts[DRIVEN, b] += encode(x, in0, waiting, count, scale, settings, own_keys, in_kind, u)
                doses[b] += excite(u[:padded], count, settings, own_mismatches, own_sums)
                multiply(w, row0, col0, transposed, u[:padded], count, v[:padded])
                if squares.size:
                    u[:count] *= u[:count]
                    multiply(squares, row0, col0, transposed, u[:padded], count, powers[:padded])
                disturb(v, count, variances[b, :outs], powers, settings, own_mismatches, own_keys, out_kind, out0, 0)
                count = settle(
                    v,
                    waiting,
                    count,
                    scale,
                    attempt == limit,
                    attempt,
                    settings,
                    own_keys,
                    out_kind,
                    out0,
                    1,
                    y,
                    retries[:, b],
                )
                attempt += 1
    for s in range(n):
        for j in range(y.shape[1]):
            y[s, j] *= alpha


@njit(cache=True, fastmath={"reassoc"})
def conductance_sums(w: Any, blocks: Any, slope: float, base: float, row_sums: Any, col_sums: Any) -> None:
    """Add up the conductance of every line of every block, references included.

    Args:
        w: [rows, cols] float32 weights, device units.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        slope: siemens per device unit.
        base: conductance of a cell with w = 0 and of its reference, siemens.
        row_sums: [blocks, at least the rows of a block] float64, set.
        col_sums: [blocks, at least the cols of a block] float64, set.
    """
    for b in range(blocks.shape[0]):
        row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
        into = col_sums[b]
        into[:cols] = base * rows
        for i in range(rows):
            line = w[row0 + i, col0 : col0 + cols]
            total = 0.0
            for j in range(cols):
                total += float(line[j])
            row_sums[b, i] = base * cols + slope * total
            for j in range(cols):
                into[j] += slope * float(line[j])
