"""Reads of equally many vectors, again and again, with arrays of their own."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.read_booked import read_booked
from ohmflow.runtime.crossbar.read_weights import ReadWeights

Matrix = npt.NDArray[np.float32]


class BoundRead:
    """One read of an array, with all that stays the same at hand.

    Args:
        w: [rows, cols] device weights, the array's own.
        weights: what reads see of them.
        transposed: whether columns are driven.
        vectors: how many are read.
        settings: see `read_converters`.
        scales: [blocks] float64, see `read_kernel.read`.
        identity: uint64 seed, array.
        blocks: [blocks, 4] int64.
        mismatches: [4, blocks, longest line count] float32.
        place: purpose and site of the draws.

    Attributes:
        y: [vectors, cols] or [vectors, rows] float32, what the last call gave.
    """

    def __init__(
        self,
        w: Matrix,
        weights: ReadWeights,
        transposed: bool,
        vectors: int,
        settings: npt.NDArray[np.float64],
        scales: npt.NDArray[np.float64],
        identity: npt.NDArray[np.uint64],
        blocks: npt.NDArray[np.int64],
        mismatches: Matrix,
        place: tuple[int, int],
    ) -> None:
        self._w, self._weights, self._transposed = w, weights, transposed
        self._settings, self._scales, self._identity, self._blocks = settings, scales, identity, blocks
        self._mismatches, self._place = mismatches, place
        self._sums = weights.col_sums if transposed else weights.row_sums
        self._variances = None if weights.has_thermal else weights.variances(transposed)
        self._shape = vectors, len(blocks)
        self._checked: Matrix | None = None
        self._copied: Matrix = np.empty((vectors, w.shape[1 if transposed else 0]), np.float32)
        self.y: Matrix = np.empty((vectors, w.shape[0 if transposed else 1]), np.float32)

    def __call__(self, x: Matrix, step: int, table: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """Read; `y` is overwritten.

        Args:
            x: [vectors, lines] inputs.
            step: of the draws.
            table: [at least blocks, tally columns], added to.

        Returns:
            [vectors, blocks] retries.
        """
        if x is not self._checked:
            if x.dtype == np.float32 and x.flags.c_contiguous and x.flags.writeable:
                self._checked = x
            else:  # a kernel is compiled for one layout
                np.copyto(self._copied, x, casting="same_kind")
                x = self._copied
        weights = self._weights
        weights.refresh(self._w)
        retries = np.zeros(self._shape, np.int32)
        variances = self._variances
        read_booked(
            weights.seen,
            weights.squares,
            x,
            self._transposed,
            self._settings,
            self._scales,
            self._identity,
            (*self._place, step, 0, 0, 1),
            self._blocks,
            self._sums,
            weights.variances(self._transposed) if variances is None else variances,
            self._mismatches,
            self.y,
            retries,
            table,
        )
        return retries
