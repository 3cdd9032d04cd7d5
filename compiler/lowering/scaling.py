"""Choosing α, the factor from device weights to logical weights (`docs/semantics.md`, Weights)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.errors import CompilerError
from ohmflow.targets.cells import cell_facts
from ohmflow.targets.schema.target import Target

SCALINGS = ("max", "fixed", "none")


@dataclass(frozen=True)
class WeightScaling:
    """How weights are scaled to devices.

    Attributes:
        kind: `max`, `fixed` or `none`.
        fill: share of the nominal bound that the largest weight takes, for `max`.
        alpha: the factor, for `fixed`.
    """

    kind: Literal["max", "fixed", "none"] = "max"
    fill: float = 0.2
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            CompilerError: one is out of range.
        """
        if self.kind not in SCALINGS:
            raise CompilerError(
                f"--weight-scaling: must be one of {', '.join(SCALINGS)}, not '{self.kind}'; choose one"
            )
        if not 0 < self.fill <= 1:
            raise CompilerError(f"--weight-fill: must be above 0 and at most 1, not {self.fill:g}; try 0.2")
        if not 0 < self.alpha < float("inf"):
            raise CompilerError(f"--weight-alpha: must be a positive number, not {self.alpha:g}; try 1")

    def alphas(self, weights: Mapping[str, NDArray[Any]], target: Target) -> dict[str, float]:
        """The factor of each array.

        Args:
            weights: initial logical weights by array.
            target: whose cells' nominal bounds count; a device without bounds needs no scaling.
        """
        if self.kind == "none" or "w_max" not in target.device.parameters:
            return dict.fromkeys(weights, 1.0)
        if self.kind == "fixed":
            return dict.fromkeys(weights, self.alpha)
        _, (low, high) = cell_facts(target)
        bound = min(high, -low)
        largest = {name: float(np.max(np.abs(value), initial=0.0)) for name, value in weights.items()}
        # An array of zeros has no largest weight to go by; its devices' range then stands for [-1, 1].
        return {name: (top / (self.fill * bound) if top > 0 else 1.0 / bound) for name, top in largest.items()}
