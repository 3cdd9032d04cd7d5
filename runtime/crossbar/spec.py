"""What a crossbar array is told: converters, update rule, blocks, conductance; and what it reports back.

Every figure means what `docs/semantics.md` says.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal, NamedTuple

import numpy as np

from ohmflow.runtime.crossbar.errors import SpecError

MAX_TRAIN_LENGTH = 63
"""A train is a mask of 64 bits, of which one keeps the count below the ordinals' 64."""


def _require(holds: bool, where: str, constraint: str, value: object, advice: str) -> None:
    if not holds:
        raise SpecError(f"{where}: it must be {constraint}, not {value!r}; {advice}")


@dataclass(frozen=True)
class ReadSpec:
    """How a block is read.

    Attributes:
        dac_bits: bits of the input converters, or None for inputs that are not rounded.
        adc_bits: bits of the output converters, or None for outputs that are not rounded.
        out_bound: m; outputs are clipped to [−m, m], device units; infinite for none.
        out_noise: σ_out, the output noise, device units.
        noise_management: `abs-max` scales each vector's block part by its largest magnitude; `none` does not.
        bound_management: `iterative` halves the input of a forward read and repeats it while an output is clipped.
        max_retries: most repetitions of a read.
    """

    dac_bits: int | None
    adc_bits: int | None
    out_bound: float = inf
    out_noise: float = 0.0
    noise_management: Literal["abs-max", "none"] = "abs-max"
    bound_management: Literal["iterative", "none"] = "iterative"
    max_retries: int = 10

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: one of them is out of range.
        """
        for where, bits in (("read.dac_bits", self.dac_bits), ("read.adc_bits", self.adc_bits)):
            _require(bits is None or 2 <= bits <= 24, where, "None or from 2 to 24", bits, "give another resolution")
        _require(self.out_bound > 0, "read.out_bound", "above 0", self.out_bound, "give a bound, or infinity for none")
        _require(
            self.adc_bits is None or isfinite(self.out_bound),
            "read.out_bound",
            "finite with an ADC",
            self.out_bound,
            "give the ADC's input range",
        )
        _require(0 <= self.out_noise < inf, "read.out_noise", "at least 0", self.out_noise, "give a standard deviation")
        _require(
            self.noise_management in ("abs-max", "none"),
            "read.noise_management",
            "'abs-max' or 'none'",
            self.noise_management,
            "choose one",
        )
        _require(
            self.bound_management in ("iterative", "none"),
            "read.bound_management",
            "'iterative' or 'none'",
            self.bound_management,
            "choose one",
        )
        _require(0 <= self.max_retries <= 60, "read.max_retries", "from 0 to 60", self.max_retries, "allow fewer")


@dataclass(frozen=True)
class UpdateSpec:
    """How an array is updated by `stochastic-compressed`.

    Attributes:
        train_length: BL_max, most slots of a pulse train.
        update_management: balance the probabilities of rows and columns by the largest magnitudes.
        train_length_management: use no more slots than the largest product needs.
        half_select_step: how far a device moves when only one of its lines fires, relative to a whole pulse; 0 for
            devices that half the amplitude does not move.
    """

    train_length: int = 31
    update_management: bool = True
    train_length_management: bool = True
    half_select_step: float = 0.0

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: the train length is below 1 or above MAX_TRAIN_LENGTH, or the half-select step not in [0, 1].
        """
        _require(
            1 <= self.train_length <= MAX_TRAIN_LENGTH,
            "update.train_length",
            f"from 1 to {MAX_TRAIN_LENGTH}",
            self.train_length,
            "use a shorter train or a larger dw_min",
        )
        _require(
            0 <= self.half_select_step <= 1,
            "update.half_select_step",
            "from 0 to 1",
            self.half_select_step,
            "give the step of a half-selected pulse relative to a whole one",
        )


@dataclass(frozen=True)
class Block:
    """A rectangle of an array that sits on one tile: logical origin (row0, col0) and size."""

    row0: int
    col0: int
    rows: int
    cols: int


@dataclass(frozen=True)
class ConductanceSpec:
    """The conductances of w_min and w_max, siemens; a reference at G(0) conducts beside every cell."""

    g_min: float
    g_max: float

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            SpecError: 0 ≤ g_min < g_max does not hold.
        """
        _require(
            0 <= self.g_min < self.g_max < inf,
            "conductance",
            "0 ≤ g_min < g_max",
            (self.g_min, self.g_max),
            "give both in siemens",
        )


class DrawSite(NamedTuple):
    """What the draws of a call are for.

    Vector i of the call belongs to sample sample0 + i // positions, at position + i % positions.

    Attributes:
        purpose: a `Purpose`.
        site: number of the place in the graph that reads or updates the array.
        step: number of the training step.
        position: place of the first vector in its sample: convolution window or time step.
        sample0: place of the first sample in the step's batch.
        positions: vectors a sample.
    """

    purpose: int
    site: int
    step: int
    position: int = 0
    sample0: int = 0
    positions: int = 1

    def numbers(self) -> tuple[int, int, int, int, int, int]:
        """The fields as plain integers, for kernels."""
        purpose, site, step, position, sample0, positions = self
        return int(purpose), site, step, position, sample0, positions


def check_tiling(where: str, rows: int, cols: int, blocks: tuple[Block, ...]) -> None:
    """Check that blocks cover an array, each cell once.

    Args:
        where: name of the array.
        rows: logical rows.
        cols: logical columns.
        blocks: rectangles.

    Raises:
        SpecError: a block leaves the array, or a cell is covered not once.
    """
    for block in blocks:
        inside = (
            min(block.row0, block.col0) >= 0
            and min(block.rows, block.cols) >= 1
            and block.row0 + block.rows <= rows
            and block.col0 + block.cols <= cols
        )
        _require(inside, f"{where}: block", f"inside {rows} x {cols}", block, "cut the array anew")
    covered = np.zeros((rows, cols), np.int32)
    for block in blocks:
        covered[block.row0 : block.row0 + block.rows, block.col0 : block.col0 + block.cols] += 1
    wrong = np.argwhere(covered != 1)
    if wrong.size:
        r, c = (int(v) for v in wrong[0])
        _require(False, f"{where}: cell ({r}, {c})", "in one block", int(covered[r, c]), "cut the array anew")
