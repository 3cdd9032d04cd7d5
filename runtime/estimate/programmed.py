"""Sums of weights as they are programmed, of which an estimate needs no more.

A large network's weights are looked at block by block, once, when somebody asks; no copy of them is kept.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import BlockRecord, Program


class ProgrammedWeights:
    """Sums of the device weights that programming aims at, clipped to the nominal bounds.

    Args:
        program: whose arrays.
        bounds: lowest and highest device weight.
        absolute: whether to sum magnitudes.
    """

    def __init__(self, program: Program, bounds: tuple[float, float], absolute: bool) -> None:
        self._program, self._bounds, self._absolute = program, bounds, absolute
        self._totals: dict[str, dict[BlockRecord, float]] = {}

    def mean(self, array: str) -> float:
        """Mean device weight of an array."""
        totals = self._of(array)
        return sum(totals.values()) / sum(block.rows * block.cols for block in totals)

    def total(self, array: str, block: BlockRecord) -> float:
        """Sum of the device weights of a block of an array."""
        return self._of(array)[block]

    def _of(self, name: str) -> dict[BlockRecord, float]:
        if name not in self._totals:
            array = self._program.arrays[self._program.array_number(name)]
            weights = np.asarray(self._program.weights[name])
            self._totals[name] = {
                b: self._sum(weights[b.row0 : b.row0 + b.rows, b.col0 : b.col0 + b.cols], array.alpha)
                for b in array.blocks
            }
        return self._totals[name]

    def _sum(self, logical: NDArray[np.floating], alpha: float) -> float:
        """Sum of a rectangle of logical weights in device units."""
        low, high = self._bounds
        ends = float(logical.min()) / alpha, float(logical.max()) / alpha
        if min(ends) >= low and max(ends) <= high:  # as scaling leaves them, mostly: nothing is clipped
            chosen = np.abs(logical) if self._absolute else logical
            return float(chosen.sum(dtype=np.float64)) / (abs(alpha) if self._absolute else alpha)
        weights = np.clip(np.asarray(logical, np.float64) / alpha, low, high)
        return float(np.abs(weights).sum() if self._absolute else weights.sum())
