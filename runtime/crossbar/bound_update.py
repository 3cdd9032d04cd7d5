"""Updates of an array, again and again, with all that stays the same at hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.errors import NotFiniteError
from ohmflow.runtime.crossbar.trains import CLIPPED, LOST, NOT_FINITE
from ohmflow.runtime.crossbar.update_kernel import update_pulsed
from ohmflow.runtime.crossbar.updating import UpdateFigures

Matrix = npt.NDArray[np.float32]

_ROW_PULSES, _BEHIND = 3, 6
"""Columns of a tally (`runtime.ledger.tally`): pulses of rows and of columns, and coincidences."""


class BoundUpdate:
    """The update of a plain array: pulses are all that happens to its devices, and reads see what is pulsed.

    Args:
        name: the array's, for messages.
        w: [rows, cols] float32 device weights, changed by updates.
        planes: the draws of the devices.
        alpha: logical weight of a device unit.
        figures: of the array's updates.
        place: purpose and site of the draws.
        moved: is told that the weights change.
    """

    def __init__(
        self,
        name: str,
        w: Matrix,
        planes: Any,
        alpha: float,
        figures: UpdateFigures,
        place: tuple[int, int],
        moved: Callable[[], None],
    ) -> None:
        self._name, self._w, self._planes, self._alpha = name, w, planes, alpha
        self._settings, self._scheme, _, self._blocks, self._identity = figures
        self._place, self._moved = place, moved
        blocks = len(self._blocks)
        self._numbers = np.zeros(3 * blocks + 3, np.int64)  # counts, then totals: cleared together
        self._counts, self._totals = self._numbers[:-3].reshape(3, blocks), self._numbers[-3:]
        self._by_block = self._counts.T
        self._fitting: list[Matrix] = []

    def fits(self, x: Matrix, d: Matrix) -> bool:
        """Say whether vectors have the shapes and the layout that the kernel is compiled for."""
        fitting = self._fitting
        if len(fitting) == 2 and x is fitting[0] and d is fitting[1]:
            return True
        rows, cols = self._w.shape
        if x.ndim != 2 or d.ndim != 2 or x.shape[1] != rows or d.shape[1] != cols or len(x) != len(d):
            return False
        if any(
            v.dtype != np.float32 or not v.flags.c_contiguous or not v.flags.writeable or not v.flags.aligned
            for v in (x, d)
        ):
            return False
        self._fitting = [x, d]
        return True

    def __call__(
        self, x: Matrix, d: Matrix, lr: float, step: int, table: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int32], int, int]:
        """Move W by −lr·x⊗d for each pair of vectors, in order.

        Args:
            x: [n, rows] inputs.
            d: [n, cols] errors.
            lr: learning rate, ≥ 0 and finite.
            step: of the draws.
            table: [at least blocks, tally columns], added to.

        Returns:
            [n, 1] train lengths; vectors clipped; vectors lost.

        Raises:
            NotFiniteError: x or d is not finite; the other vectors' updates are applied.
        """
        lengths = np.zeros(len(x), np.int32)
        self._numbers.fill(0)
        self._moved()
        update_pulsed(
            self._w,
            self._planes,
            x,
            d,
            lr / self._alpha,
            self._settings,
            self._identity,
            (*self._place, step, 0, 0, 1),
            self._blocks,
            lengths,
            self._counts,
            self._totals,
            None,
            self._scheme,
        )
        totals = self._totals.tolist()
        if totals[NOT_FINITE]:
            raise NotFiniteError(
                f"{self._name}: x and d of an update must be finite, not so in {totals[NOT_FINITE]} of {len(x)} "
                "vectors; training has diverged: lower the learning rate"
            )
        table[: len(self._by_block), _ROW_PULSES:_BEHIND] += self._by_block
        return lengths.reshape(-1, 1), totals[CLIPPED], totals[LOST]
