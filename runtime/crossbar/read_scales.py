"""Noise management: by what the inputs of every block are divided before they are converted."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import DrawSite, ReadSpec

_EXPONENTS = 280
"""Powers of two of float32 numbers, from 2^−149 on."""


class InputScales:
    """The scales s of one direction of reads.

    With `average-abs-max` the scale of a block in a step is a running mean over the steps before, so that it is known
    before the vector is, and every vector of a step has the same: a ← (1 − decay)·a + decay·(mean of max|x| over the
    vectors of the step that were not 0), the first such step setting it. Until then each vector is scaled by its own
    largest magnitude. Evaluation uses the mean without changing it.

    The magnitudes of a step are added up exactly, as whole numbers by power of two: so the mean does not depend on the
    order in which, or the groups in which, vectors are read.

    Args:
        spec: noise management and its figures.
        transposed: whether columns are driven.
        blocks: [blocks, 4] row0, col0, rows, cols.
    """

    def __init__(self, spec: ReadSpec, transposed: bool, blocks: npt.NDArray[np.int64]) -> None:
        management, given = spec.management(transposed)
        self._decay = spec.scale_decay
        self._first, self._size = (blocks[:, 1], blocks[:, 3]) if transposed else (blocks[:, 0], blocks[:, 2])
        self._scales = np.full(len(blocks), {"constant": given or 0.0, "none": 1.0}.get(management, 0.0))
        self.averages = management == "average-abs-max"
        self._sums = np.zeros((len(blocks) if self.averages else 0, _EXPONENTS), np.int64)
        self._counts = np.zeros(len(self._sums), np.int64)
        self._step = np.full(1, -1, np.int64)

    @property
    def fixed(self) -> npt.NDArray[np.float64]:
        """What `of` gives for any vectors, where there are no averages."""
        return self._scales

    def of(self, vectors: npt.NDArray[np.float32], at: DrawSite) -> npt.NDArray[np.float64]:
        """Return the scale of each block, and take the vectors into the running means.

        Args:
            vectors: [n, lines] inputs.
            at: what the read is for.

        Returns:
            [blocks] float64; 0 where each vector is scaled by its own largest magnitude.
        """
        if self.averages and at.purpose != Purpose.EVALUATION:
            if at.step != self._step[0]:
                self._end_step()
                self._step[0] = at.step
            self._count(np.abs(vectors))
        return self._scales

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """The running means and what is added up for them, by name, not copied; nothing without averages."""
        if not self.averages:
            return {}
        return {"scales": self._scales, "sums": self._sums, "counts": self._counts, "step": self._step}

    def _end_step(self) -> None:
        for b in np.flatnonzero(self._counts):
            total = sum(int(self._sums[b, e]) << int(e) for e in np.flatnonzero(self._sums[b]))
            # Whole numbers of any length divide with one rounding.
            mean = total / (int(self._counts[b]) << 149)
            before = self._scales[b]
            self._scales[b] = mean if before == 0.0 else (1.0 - self._decay) * before + self._decay * mean
        self._sums[:] = 0
        self._counts[:] = 0

    def _count(self, magnitudes: npt.NDArray[np.float32]) -> None:
        for b, (first, size) in enumerate(zip(self._first.tolist(), self._size.tolist(), strict=True)):
            largest = magnitudes[:, first : first + size].max(axis=1)
            mantissas, exponents = np.frexp(largest[(largest > 0.0) & np.isfinite(largest)])
            # 24 bits of mantissa: at 2^(exponent − 24), counted from 2^−149; what is smaller has fewer bits.
            places = np.maximum(exponents.astype(np.int64) + 125, 0)
            whole = np.ldexp(mantissas.astype(np.float64), exponents + 149 - places).astype(np.int64)
            np.add.at(self._sums[b], places, whole)
            self._counts[b] += len(whole)
