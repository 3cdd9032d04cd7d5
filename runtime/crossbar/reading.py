"""How an array is read: its blocks, converters and conductances on one side, the read kernel on the other."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.counts import ReadCounts
from ohmflow.runtime.crossbar.read_kernel import conductance_sums, read
from ohmflow.runtime.crossbar.spec import ConductanceSpec, DrawSite, ReadSpec

Matrix = npt.NDArray[np.float32]

_NO_SUMS = np.empty((0, 0), np.float64)


class Reader:
    """Reads weights block by block.

    Args:
        spec: converters and their management; None for exact reads.
        conductance: range of a cell; None to count no read dose.
        nominal_bounds: (w_min, w_max) of the device, to which the range belongs.
        alpha: α of W = α·w.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        identity: uint64 seed, array.
    """

    def __init__(
        self,
        spec: ReadSpec | None,
        conductance: ConductanceSpec | None,
        nominal_bounds: tuple[float, float],
        alpha: float,
        blocks: npt.NDArray[np.int64],
        identity: npt.NDArray[np.uint64],
    ) -> None:
        self._spec = spec
        self._alpha = np.float32(alpha)
        self._blocks = blocks
        self._identity = identity
        self._settings = _settings(spec, alpha)
        self._slope = self._at_zero = 0.0
        self._row_sums = self._col_sums = _NO_SUMS
        if conductance is not None:
            w_min, w_max = nominal_bounds
            self._slope = (conductance.g_max - conductance.g_min) / (w_max - w_min)
            self._at_zero = conductance.g_min - w_min * self._slope
            self._row_sums = np.empty((len(blocks), int(blocks[:, 2].max())))
            self._col_sums = np.empty((len(blocks), int(blocks[:, 3].max())))
        self._counts_dose = conductance is not None
        self._is_stale = True

    def touch(self) -> None:
        """Say that the weights have changed."""
        self._is_stale = True

    def read(self, w: Matrix, vectors: Matrix, transposed: bool, at: DrawSite) -> tuple[Matrix, ReadCounts]:
        """Read all blocks.

        Args:
            w: [rows, cols] device weights.
            vectors: [n, rows] inputs, or [n, cols] if transposed.
            transposed: whether columns are driven.
            at: what the draws are for.

        Returns:
            [n, cols] or [n, rows] float32 results, and what the reads did; exact reads count nothing.
        """
        n, blocks = vectors.shape[0], self._blocks.shape[0]
        retries = np.zeros((n, blocks), np.int32)
        if self._spec is None:
            none = np.zeros(blocks, np.int64)
            y = vectors @ (w.T if transposed else w) * self._alpha
            return y, ReadCounts(retries, none, none, np.zeros(blocks))
        if self._is_stale and self._counts_dose:
            self._add_up_conductances(w)
        y = np.zeros((n, w.shape[0 if transposed else 1]), np.float32)
        counts = np.zeros((2, blocks), np.int64)
        dose = np.zeros(blocks)
        read(
            w,
            vectors,
            transposed,
            self._settings,
            self._identity,
            at.numbers(),
            self._blocks,
            self._col_sums if transposed else self._row_sums,
            y,
            retries,
            counts,
            dose,
        )
        return y, ReadCounts(retries, counts[0], counts[1], dose)

    def block_conductance(self, w: Matrix) -> npt.NDArray[np.float64]:
        """Conductance of all cells of each block, references included, [blocks] siemens; 0 without a window."""
        if not self._counts_dose:
            return np.zeros(self._blocks.shape[0])
        if self._is_stale:
            self._add_up_conductances(w)
        return np.array([self._row_sums[k, :rows].sum() for k, rows in enumerate(self._blocks[:, 2])])

    def _add_up_conductances(self, w: Matrix) -> None:
        # A cell conducts at_zero + slope·w and its reference at_zero.
        conductance_sums(w, self._blocks, self._slope, 2.0 * self._at_zero, self._row_sums, self._col_sums)
        self._is_stale = False


def _settings(spec: ReadSpec | None, alpha: float) -> npt.NDArray[np.float64]:
    if spec is None:
        return np.zeros(7)
    # 2^b − 2 steps from −1 to 1 are 2^(b−1) − 1 steps from 0 to 1.
    dac_levels, adc_levels = ((2 ** (b - 1) - 1 if b else 0) for b in (spec.dac_bits, spec.adc_bits))
    retries = spec.max_retries if spec.bound_management == "iterative" else 0
    scaled = spec.noise_management == "abs-max"
    return np.array([dac_levels, adc_levels, spec.out_bound, spec.out_noise, scaled, retries, alpha])
