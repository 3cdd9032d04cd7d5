"""How often devices were pulsed, and what becomes of those that were pulsed too often (`docs/semantics.md`, *Wear*).

Whole pulses count, up and down alike, and so do those of a refresh, its resets included; half-selected pulses and those
of programming do not. A device's limit is
limit·exp(spread·ξ), with ξ of `key(seed, DEVICE, array, 36)`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.ageing_kernel import exponentials
from ohmflow.runtime.crossbar.draws import Purpose, key_of, normal_plane
from ohmflow.runtime.crossbar.errors import SpecError

Matrix = npt.NDArray[np.float32]

_LIMIT_PLANE = 36


@dataclass(frozen=True)
class WearSpec:
    """How many pulses devices survive.

    Attributes:
        limit: whole pulses; the median over devices.
        spread: standard deviation between devices of the limit's natural logarithm.
        beyond: `report`: worn devices go on; `stuck`: from the next step on, pulses move them no more.
    """

    limit: float
    spread: float = 0.0
    beyond: Literal["report", "stuck"] = "report"

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: one of them is out of range.
        """
        if not 0.0 < self.limit < np.inf:
            raise SpecError(f"wear.limit: it must be above 0 and finite, not {self.limit}; give a number of pulses")
        if not 0.0 <= self.spread < np.inf:
            raise SpecError(f"wear.spread: it must be at least 0 and finite, not {self.spread}; write 0 for none")
        if self.beyond not in ("report", "stuck"):
            raise SpecError(f"wear.beyond: it must be 'report' or 'stuck', not '{self.beyond}'; choose one")


class Wear:
    """The pulses that an array's devices took.

    Attributes:
        pulses: [rows, cols] uint32 whole pulses so far.
        limit: [rows, cols] float64 pulses that each device survives.
        stuck: [rows, cols] which devices pulses move no more.
    """

    def __init__(self, spec: WearSpec, rows: int, cols: int, seed: int, array_id: int) -> None:
        """Draw the devices' limits.

        Args:
            spec: how many pulses devices survive.
            rows: logical rows.
            cols: logical columns.
            seed: the run's seed.
            array_id: the array's number in the program.
        """
        self._sticks = spec.beyond == "stuck"
        key = np.uint64(key_of(seed, Purpose.DEVICE, array_id, _LIMIT_PLANE))
        self.limit = spec.limit * exponentials(spec.spread * normal_plane(key, rows, cols).astype(np.float64))
        self.pulses = np.zeros((rows, cols), np.uint32)
        self.stuck = np.zeros((rows, cols), np.bool_)

    def planes(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that is remembered, by name, not copied: `pulses` and, where worn devices stick, `stuck`."""
        kept: dict[str, npt.NDArray[np.generic]] = {"pulses": self.pulses}
        if self._sticks:
            kept["stuck"] = self.stuck
        return kept

    @property
    def worn(self) -> npt.NDArray[np.bool_]:
        """[rows, cols] devices that reached their limit."""
        found: npt.NDArray[np.bool_] = self.pulses >= self.limit
        return found

    def end_step(self) -> None:
        """Let devices that reached their limit stick from now on, if they do."""
        if self._sticks:
            np.greater_equal(self.pulses, self.limit, out=self.stuck)

    @property
    def sticks(self) -> bool:
        """Whether a device is stuck."""
        return self._sticks and bool(self.stuck.any())

    def held(self, plane: Matrix) -> Matrix:
        """Return what stuck devices hold in a plane [..., rows, cols], for `hold`."""
        return plane[..., self.stuck]

    def hold(self, plane: Matrix, held: Matrix) -> None:
        """Put back what stuck devices hold."""
        plane[..., self.stuck] = held
