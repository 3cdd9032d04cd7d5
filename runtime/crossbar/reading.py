"""How an array is read: its blocks, converters and conductances on one side, the read kernel on the other."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.bound_read import BoundRead
from ohmflow.runtime.crossbar.counts import ReadCounts
from ohmflow.runtime.crossbar.read_kernel import read
from ohmflow.runtime.crossbar.read_mismatch import mismatches
from ohmflow.runtime.crossbar.read_passes import BlockReads
from ohmflow.runtime.crossbar.read_scales import InputScales
from ohmflow.runtime.crossbar.read_settings import kernel_settings
from ohmflow.runtime.crossbar.read_weights import ReadWeights
from ohmflow.runtime.crossbar.spec import ConductanceSpec, DrawSite, ReadSpec

Matrix = npt.NDArray[np.float32]

_EXACT = ReadSpec(None, None, bound_management="none")


class ReadFigures(NamedTuple):
    """What a kernel needs that reads single lines by itself.

    Attributes:
        settings: float64, see `read_converters`.
        scales: [blocks] float64, see `read_kernel.read`.
        variances: [blocks, longest line count] float32 of the noise of output lines.
        mismatches: [4, blocks, 0] float32: converters are alike.
        slope: siemens per device unit.
        base: conductance of a cell with w = 0 and of its reference, siemens.
        counts_dose: whether a dose is counted.
    """

    settings: npt.NDArray[np.float64]
    scales: npt.NDArray[np.float64]
    variances: Matrix
    mismatches: Matrix
    slope: float
    base: float
    counts_dose: bool


class Reader:
    """Reads weights block by block.

    Args:
        spec: converters and their management; None for exact reads.
        conductance: range of a cell; None to count no read dose.
        nominal_bounds: (w_min, w_max) of the device, to which the range belongs.
        alpha: α of W = α·w.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        identity: uint64 seed, array.
        conducting: sums of the weights of every cell's devices, where cells have several.

    Raises:
        SpecError: noise or wires ask for conductances, and there is no range.
    """

    def __init__(
        self,
        spec: ReadSpec | None,
        conductance: ConductanceSpec | None,
        nominal_bounds: tuple[float, float],
        alpha: float,
        blocks: npt.NDArray[np.int64],
        identity: npt.NDArray[np.uint64],
        conducting: Callable[[], Matrix] | None = None,
    ) -> None:
        self._is_exact = spec is None
        self._spec = spec or _EXACT
        self._alpha = np.float32(alpha)
        self._blocks = blocks
        self._identity = identity
        self._settings = kernel_settings(self._spec, alpha)
        self._weights = ReadWeights(self._spec, conductance, nominal_bounds, blocks, conducting)
        sides = (False, True)
        self._mismatches = [mismatches(self._spec, blocks, identity, side) for side in sides]
        self._scales = [InputScales(self._spec, side, blocks) for side in sides]
        self._in_passes = self._spec.passes > 1 or self._spec.ir_drop == "exact"

    def touch(self) -> None:
        """Say that the weights have changed."""
        self._weights.touch()

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What reads remember, by name, not copied: the running means of `average-abs-max`; nothing without it."""
        sides: Mapping[str, InputScales] = dict(zip(("forward", "transposed"), self._scales, strict=True))
        return {f"read_{side}_{name}": own for side, scales in sides.items() for name, own in scales.state().items()}

    def figures(self, transposed: bool) -> ReadFigures | None:
        """What a kernel needs that reads a line by itself.

        Args:
            transposed: whether it drives columns.

        Returns:
            The figures; None where the result or the dose of a line depends on more than the line.
        """
        spec, weights = self._spec, self._weights
        scales, unlike = self._scales[transposed], self._mismatches[transposed]
        if self._is_exact or self._in_passes or scales.averages or unlike.size or weights.conducts_apart:
            return None
        if spec.thermal > 0 or spec.flicker > 0 or spec.ir_drop != "none":
            return None
        variances = weights.variances(transposed)
        return ReadFigures(
            self._settings, scales.fixed, variances, unlike, weights.slope, weights.base, weights.counts_dose
        )

    def bound(self, w: Matrix, transposed: bool, vectors: int, place: tuple[int, int]) -> BoundRead | None:
        """Make ready to read equally many vectors again and again.

        Args:
            w: [rows, cols] device weights, whose place does not change.
            transposed: whether columns are driven.
            vectors: how many.
            place: purpose and site of the draws.

        Returns:
            The read; None where reads are exact, made in several passes, or scaled by running means.
        """
        scales = self._scales[transposed]
        if self._is_exact or self._in_passes or scales.averages:
            return None
        return BoundRead(
            w,
            self._weights,
            transposed,
            vectors,
            self._settings,
            scales.fixed,
            self._identity,
            self._blocks,
            self._mismatches[transposed],
            place,
        )

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
        if self._is_exact:
            none = np.zeros(blocks, np.int64)
            y = vectors @ (w.T if transposed else w) * self._alpha
            return y, ReadCounts(retries, none, none, np.zeros(blocks))
        weights = self._weights
        weights.refresh(w)
        scales = self._scales[transposed].of(vectors, at)
        y = np.zeros((n, w.shape[0 if transposed else 1]), np.float32)
        counts = np.zeros((2, blocks), np.int64)
        doses = np.zeros(blocks)
        if self._in_passes:
            BlockReads(
                self._spec,
                self._settings,
                weights,
                w,
                transposed,
                self._blocks,
                self._mismatches[transposed],
                self._identity,
                at,
                scales,
            ).read(vectors, y, retries, counts, doses)
            y *= self._alpha
        else:
            read(
                weights.seen,
                weights.squares,
                vectors,
                transposed,
                self._settings,
                scales,
                self._identity,
                at.numbers(),
                self._blocks,
                weights.col_sums if transposed else weights.row_sums,
                weights.variances(transposed),
                self._mismatches[transposed],
                y,
                retries,
                counts,
                doses,
            )
        return y, ReadCounts(retries, counts[0], counts[1], doses)

    def block_conductance(self, w: Matrix) -> npt.NDArray[np.float64]:
        """Conductance of all cells of each block, references included, [blocks] siemens; 0 without a window."""
        weights = self._weights
        if not weights.counts_dose:
            return np.zeros(self._blocks.shape[0])
        weights.refresh(w)
        return np.array([weights.row_sums[k, :rows].sum() for k, rows in enumerate(self._blocks[:, 2])])

    def dose_of_rows(self, w: Matrix, reads: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Read dose of rows that are read alone with a full input, [blocks] siemens; 0 without a window.

        Args:
            w: [rows, cols] device weights.
            reads: [blocks, rows of the largest] how often each row of each block is read.
        """
        weights = self._weights
        if not weights.counts_dose:
            return np.zeros(self._blocks.shape[0])
        weights.refresh(w)
        dose: npt.NDArray[np.float64] = (reads * weights.row_sums).sum(axis=1)
        return dose
