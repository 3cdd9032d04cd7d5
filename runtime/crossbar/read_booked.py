"""Reads whose counts go straight into the rows of a bill: see `read_kernel.read`."""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.read_kernel import CONVERSIONS, DRIVEN, read

# Columns of a tally (`runtime.ledger.tally`, which knows crossbars and not the other way round).
TALLY_DRIVEN, TALLY_CONVERSIONS, TALLY_DOSE = 0, 1, 2


@njit(cache=True)
def read_booked(
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
    table: Any,
) -> None:
    """Read every block with n vectors, and add what that took to a table.

    Args:
        w: as all up to `mismatches`, of `read_kernel.read`.
        squares: see there.
        x: see there.
        transposed: see there.
        settings: see there.
        scales: see there.
        identity: see there.
        site: see there.
        blocks: see there.
        line_sums: see there.
        variances: see there.
        mismatches: see there.
        y: [n, cols] float32, or [n, rows], set.
        retries: [n, blocks] int32, zeros, set.
        table: [at least blocks, at least 3] float64: driven lines, converted lines and dose of each block, added to.
    """
    counts, doses = np.zeros((2, blocks.shape[0]), np.int64), np.zeros(blocks.shape[0])
    y[:] = np.float32(0.0)
    read(
        w,
        squares,
        x,
        transposed,
        settings,
        scales,
        identity,
        site,
        blocks,
        line_sums,
        variances,
        mismatches,
        y,
        retries,
        counts,
        doses,
    )
    for b in range(blocks.shape[0]):
        table[b, TALLY_DRIVEN] += counts[DRIVEN, b]
        table[b, TALLY_CONVERSIONS] += counts[CONVERSIONS, b]
        table[b, TALLY_DOSE] += doses[b]
