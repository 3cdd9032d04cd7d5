"""The two loops of mixed precision: gradients are added up digitally, and whole steps go to the array row by row.

They give what interpreting the rule's tile operations gives (`compiler/rules/mixed_precision.py`), bit for bit.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.update_kernel import update_pulsed
from ohmflow.runtime.rules.fast_kernel import show_rows

_NONE = np.float32(0.0)


@njit(cache=True)
def accumulate(chi: Any, xs: Any, ds: Any, rate: Any) -> None:
    """Take rate·xᵀd of every pair of vectors from χ, in order.

    A row of χ stays in the first-level cache while all vectors pass.

    Args:
        chi: [rows, cols] float32, changed.
        xs: [n, rows] float32.
        ds: [n, cols] float32.
        rate: float32.
    """
    scaled = ds * rate
    is_finite = np.empty(xs.shape[0], np.bool_)
    for i in range(xs.shape[0]):
        is_finite[i] = np.isfinite(scaled[i]).all()
    for r in range(chi.shape[0]):
        for i in range(xs.shape[0]):
            x = xs[i, r]
            if x == _NONE and is_finite[i]:  # would take exactly nothing
                continue
            for j in range(chi.shape[1]):
                chi[r, j] -= x * scaled[i, j]


@njit(cache=True)
def take_rows(
    chi: Any, most: Any, rate: float, first: int, places: Any, main: Any, lengths: Any, counts: Any, totals: Any
) -> None:
    """Take whole steps out of every row of χ, and pulse them.

    Args:
        chi: [rows, cols] float32 in steps, changed.
        most: float32, steps that a row takes at a time.
        rate: of an update by one step, device units.
        first: row to begin with; others follow in turn.
        places: purpose, site, step.
        main: the `PlainSide` of the array, changed.
        lengths: [rows] int32 of trains, zeros, set.
        counts: [3, blocks] int64, added to.
        totals: [3] int64, added to.
    """
    rows, cols = chi.shape
    point, minus = np.zeros((1, rows), np.float32), np.empty((1, cols), np.float32)
    length = np.zeros(1, np.int32)
    for i in range(rows):
        k = first + i
        moves = False
        for j in range(cols):
            value = chi[k, j]
            few = min(np.floor(abs(value)), most)
            steps = few if value > _NONE else -few
            if few > _NONE:
                moves = True
                chi[k, j] = value - steps
            minus[0, j] = -steps
        if not moves:
            continue
        point[0, k] = np.float32(1.0)
        update_pulsed(
            main.hidden,
            main.planes,
            point,
            minus,
            rate,
            main.update_settings,
            main.identity,
            (places[0], places[1], places[2], 0, i, 1),
            main.blocks,
            length,
            counts,
            totals,
            main.marks,
            main.scheme,
        )
        lengths[i] = length[0]
        point[0, k] = _NONE
    show_rows(main.marks, main, 0, rows, True)
