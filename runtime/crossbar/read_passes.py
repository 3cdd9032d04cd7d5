"""Reads that the one kernel does not do: inputs bit by bit, and currents that are solved exactly.

The stages are the kernel's own, but what lies between them is Python: so these reads are slower.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.draws import KIND_COLUMN, KIND_ROW
from ohmflow.runtime.crossbar.read_converters import DAC_LEVELS
from ohmflow.runtime.crossbar.read_kernel import (
    CONVERSIONS,
    DRIVEN,
    GROUP,
    attempt_keys,
    disturb,
    encode,
    excite,
    multiply,
    settle,
    vector_keys,
)
from ohmflow.runtime.crossbar.read_products import TILE
from ohmflow.runtime.crossbar.read_weights import ReadWeights
from ohmflow.runtime.crossbar.spec import DrawSite, ReadSpec

Matrix = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


class BlockReads:
    """Reads all blocks in one direction.

    Args:
        spec: how blocks are read.
        settings: the same for kernels.
        weights: the array's weights as reads see them, refreshed.
        w: [rows, cols] device weights.
        transposed: whether columns are driven.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        mismatches: [4, blocks, lines] of this direction.
        identity: uint64 seed, array.
        at: what the draws are for.
        scales: [blocks] float64 s; 0 for the largest magnitude of each vector's part.
    """

    def __init__(
        self,
        spec: ReadSpec,
        settings: npt.NDArray[np.float64],
        weights: ReadWeights,
        w: Matrix,
        transposed: bool,
        blocks: npt.NDArray[np.int64],
        mismatches: Matrix,
        identity: npt.NDArray[np.uint64],
        at: DrawSite,
        scales: npt.NDArray[np.float64],
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._weights = weights
        self._w = w
        self._transposed = transposed
        self._blocks = blocks
        self._mismatches = mismatches
        self._identity = identity
        self._at = at
        self._scales = scales
        self._limit = int(spec.max_retries) if spec.bound_management == "iterative" and not transposed else 0

    def read(
        self,
        x: Matrix,
        y: Matrix,
        retries: npt.NDArray[np.int32],
        counts: Counts,
        doses: npt.NDArray[np.float64],
    ) -> None:
        """Read every block with n vectors.

        Args:
            x: [n, rows] float32 inputs, or [n, cols] if transposed.
            y: [n, cols] float32, or [n, rows]: zeros, set to the sum of the blocks, without α.
            retries: [n, blocks] int32, zeros, set.
            counts: [2, blocks] int64, added to.
            doses: [blocks] float64, added to.
        """
        keys = np.empty(len(x), np.uint64)
        vector_keys(self._identity, self._at.numbers(), keys)
        for b in range(len(self._blocks)):
            for first in range(0, len(x), GROUP):
                self._read_group(b, x, np.arange(first, min(first + GROUP, len(x))), keys, y, retries, counts, doses)

    def _read_group(
        self,
        b: int,
        x: Matrix,
        members: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint64],
        y: Matrix,
        retries: npt.NDArray[np.int32],
        counts: Counts,
        doses: npt.NDArray[np.float64],
    ) -> None:
        row0, col0, rows, cols = self._blocks[b].tolist()
        in0, ins, out0, outs = (col0, cols, row0, rows) if self._transposed else (row0, rows, col0, cols)
        in_kind, out_kind = (KIND_COLUMN, KIND_ROW) if self._transposed else (KIND_ROW, KIND_COLUMN)
        own = np.ascontiguousarray(self._mismatches[:, b])
        sums = (self._weights.col_sums if self._transposed else self._weights.row_sums)[b]
        constant = self._weights.thermal(self._transposed)[b, :outs]
        quiet = np.full(outs, self._spec.out_noise**2, np.float32)
        is_digital = self._spec.passes > 1 and self._spec.accumulate == "digital"
        conversions = outs * (self._spec.passes if is_digital else 1)

        scale = np.full(len(members), self._scales[b])
        if self._scales[b] == 0.0:
            scale = np.abs(x[members, in0 : in0 + ins]).max(axis=1).astype(np.float64)
        counts[CONVERSIONS, b] += conversions * np.count_nonzero(scale == 0.0)
        waiting, scale = members[scale != 0.0], scale[scale != 0.0]
        own_keys = np.empty(len(waiting), np.uint64)
        count, attempt = len(waiting), 0
        while count:
            attempt_keys(keys, waiting, count, attempt, row0, col0, own_keys)
            coded = np.zeros((count + -count % TILE, ins), np.float32)
            encode(x, in0, waiting, count, scale, self._settings, own_keys, in_kind, coded)
            counts[CONVERSIONS, b] += count * conversions
            total = np.zeros((len(coded), outs), np.float32)
            powers = np.zeros(total.shape if self._spec.flicker else (0, outs), np.float32)
            variance = quiet.copy()
            for p, (u, weight) in enumerate(self._planes(coded)):
                counts[DRIVEN, b] += np.count_nonzero(u)
                doses[b] += excite(u, count, self._settings, own, sums)
                v = self._product(b, u, count)
                power = self._power(b, u, count, v)
                if is_digital:
                    place = (own_keys, out_kind, out0)
                    disturb(v, count, quiet + constant, power, self._settings, own, *place, 2 * p)
                    part = scale[:count] * weight
                    settle(v, waiting, count, part, True, 0, self._settings, *place, 2 * p + 1, y, retries[:, b])
                else:
                    total += np.float32(weight) * v
                    variance += np.float32(weight * weight) * constant
                    powers += np.float32(weight * weight) * power
            if is_digital:
                return
            place = (own_keys, out_kind, out0)
            disturb(total, count, variance, powers, self._settings, own, *place, 0)
            is_last = attempt == self._limit
            count = settle(total, waiting, count, scale, is_last, attempt, self._settings, *place, 1, y, retries[:, b])
            attempt += 1

    def _planes(self, coded: Matrix) -> Iterator[tuple[Matrix, float]]:
        """Split codes into what is driven in each pass, and what the pass counts for, the least first."""
        if self._spec.passes == 1:
            yield coded, 1.0
            return
        levels = self._settings[DAC_LEVELS]
        magnitudes = np.rint(np.abs(coded) * levels).astype(np.int64)
        for p in range(self._spec.passes):
            bits = ((magnitudes >> p) & 1).astype(np.float32)
            yield np.copysign(bits, coded), 2.0**p / float(levels)

    def _product(self, b: int, u: Matrix, count: int) -> Matrix:
        """Return the outputs [whole tiles of vectors, output lines] without noise."""
        row0, col0, rows, cols = self._blocks[b].tolist()
        v = np.zeros((len(u), rows if self._transposed else cols), np.float32)
        if self._spec.ir_drop == "exact":
            v[:count] = self._weights.exact_products(self._w, b, u[:count].astype(np.float64), self._transposed)
        else:
            multiply(self._weights.seen, row0, col0, self._transposed, u, count, v)
        return v

    def _power(self, b: int, u: Matrix, count: int, v: Matrix) -> Matrix:
        """Return Σ u²·(squared conductances) of each output; without flicker, nothing of the same width."""
        if not self._spec.flicker:
            return np.empty((0, v.shape[1]), np.float32)
        row0, col0, _, _ = self._blocks[b].tolist()
        power = np.empty_like(v)
        multiply(self._weights.squares, row0, col0, self._transposed, u * u, count, power)
        return power
