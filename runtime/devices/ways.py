"""Figures of a device that differ between its two directions."""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)


@njit(cache=True)
def of_way(plane: Any, up: Any, r: Any, c: Any) -> Any:
    """Return what of a plane belongs to a direction.

    Both figures are loaded and one is kept: so a loop over devices compiles to vector instructions, which a place that
    depends on the direction would forbid, and there is no branch to guess.

    Args:
        plane: [2, rows, cols] figures, of pulses down and of pulses up.
        up: whether the pulse goes up.
        r: row.
        c: column.
    """
    down_figure, up_figure = plane[0, r, c], plane[1, r, c]
    return up_figure if up else down_figure
