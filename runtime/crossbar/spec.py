"""What a crossbar array is told: converters, update rule, blocks, conductance; and what it reports back.

Every figure means what `docs/semantics.md` says.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal, NamedTuple, get_args

import numpy as np

from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.ir_drop import Wires
from ohmflow.targets.schema.updating import LONGEST_TRAIN


def _require(holds: bool, where: str, constraint: str, value: object, advice: str) -> None:
    if not holds:
        raise SpecError(f"{where}: it must be {constraint}, not {value!r}; {advice}")


def _require_one_of(where: str, value: str, choices: tuple[str, ...]) -> None:
    names = ", ".join(repr(choice) for choice in choices[:-1]) + f" or {choices[-1]!r}"
    _require(value in choices, where, names, value, "choose one")


NoiseManagement = Literal["abs-max", "average-abs-max", "constant", "none"]
"""How s, by which inputs are divided, is found."""


@dataclass(frozen=True)
class Converter:
    """What a line's converter does besides its resolution.

    Attributes:
        rounding: `nearest`, half to even; or `stochastic`, up with the probability of what is left over.
        gain_dtod: spread of the gain from line to line, around 1.
        offset_dtod: spread of the offset from line to line, in full inputs or in the output range.
    """

    rounding: Literal["nearest", "stochastic"] = "nearest"
    gain_dtod: float = 0.0
    offset_dtod: float = 0.0

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: one of them is out of range.
        """
        _require_one_of("converter.rounding", self.rounding, ("nearest", "stochastic"))
        for name, value in (("gain_dtod", self.gain_dtod), ("offset_dtod", self.offset_dtod)):
            _require(0 <= value < inf, f"converter.{name}", "at least 0", value, "give a standard deviation")


@dataclass(frozen=True)
class ReadSpec:
    """How a block is read.

    Attributes:
        dac_bits: bits of the input converters, or None for inputs that are not rounded.
        adc_bits: bits of the output converters, or None for outputs that are not rounded.
        out_bound: m; outputs are clipped to [−m, m], device units; infinite for none.
        out_noise: σ_out, the output noise, device units.
        noise_management: `abs-max` scales each vector's block part by its largest magnitude; `average-abs-max` by the
            running mean of it over the steps before; `constant` by `input_scale`; `none` does not.
        bound_management: `iterative` halves the input of a forward read and repeats it while an output is clipped.
        max_retries: most repetitions of a read.
        out_low: outputs are clipped to [−out_low, out_bound]; None for a range that is even.
        dac: rounding and mismatch of the input converters.
        adc: rounding and mismatch of the output converters.
        backward_noise_management: of transposed reads; None for the same.
        input_scale: s of `constant`.
        backward_input_scale: s of `constant` in transposed reads.
        scale_decay: weight of the newest step in the mean of `average-abs-max`.
        thermal: 2·k·T/(t·V²), siemens: what an output line's conductance is multiplied by to give the variance of the
            thermal noise, in siemens²; 0 for none.
        flicker: standard deviation of the current of a cell, relative to it; 0 for none.
        negative_gain: what negative inputs are multiplied by.
        inputs: `levels` and `pulse-width` drive every line once; `bit-serial` once for each bit of magnitude.
        accumulate: passes of `bit-serial` are converted each (`digital`) or together (`analog`).
        ir_drop: what the wires do to a read: nothing, an effective conductance for each cell, or an exact solution.
        wires: ohms of a segment of a row line (word) and of a column line (bit); None without IR drop.
    """

    dac_bits: int | None
    adc_bits: int | None
    out_bound: float = inf
    out_noise: float = 0.0
    noise_management: NoiseManagement = "abs-max"
    bound_management: Literal["iterative", "none"] = "iterative"
    max_retries: int = 10
    out_low: float | None = None
    dac: Converter = Converter()
    adc: Converter = Converter()
    backward_noise_management: NoiseManagement | None = None
    input_scale: float | None = None
    backward_input_scale: float | None = None
    scale_decay: float = 0.01
    thermal: float = 0.0
    flicker: float = 0.0
    negative_gain: float = 1.0
    inputs: Literal["levels", "pulse-width", "bit-serial"] = "levels"
    accumulate: Literal["digital", "analog"] = "digital"
    ir_drop: Literal["none", "fast", "exact"] = "none"
    wires: Wires | None = None

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: one of them is out of range, or two do not go together.
        """
        for where, bits in (("read.dac_bits", self.dac_bits), ("read.adc_bits", self.adc_bits)):
            _require(bits is None or 2 <= bits <= 24, where, "None or from 2 to 24", bits, "give another resolution")
        for name, bound in (("out_bound", self.out_bound), ("out_low", self.low)):
            _require(bound > 0, f"read.{name}", "above 0", bound, "give a bound, or infinity for none")
            _require(
                self.adc_bits is None or isfinite(bound),
                f"read.{name}",
                "finite with an ADC",
                bound,
                "give the ADC's input range",
            )
        for name, value in (("out_noise", self.out_noise), ("thermal", self.thermal), ("flicker", self.flicker)):
            _require(0 <= value < inf, f"read.{name}", "at least 0", value, "give a standard deviation")
        _require(0 < self.negative_gain < inf, "read.negative_gain", "above 0", self.negative_gain, "give 1 for none")
        _require(0 < self.scale_decay <= 1, "read.scale_decay", "above 0, up to 1", self.scale_decay, "write 0.01")
        _require_one_of("read.bound_management", self.bound_management, ("iterative", "none"))
        _require_one_of("read.inputs", self.inputs, ("levels", "pulse-width", "bit-serial"))
        _require_one_of("read.accumulate", self.accumulate, ("digital", "analog"))
        _require_one_of("read.ir_drop", self.ir_drop, ("none", "fast", "exact"))
        _require(0 <= self.max_retries <= 60, "read.max_retries", "from 0 to 60", self.max_retries, "allow fewer")
        self._check_scales()
        self._check_together()

    @property
    def low(self) -> float:
        """The magnitude of the lower end of the output range."""
        return self.out_bound if self.out_low is None else self.out_low

    @property
    def passes(self) -> int:
        """Times that a read drives its lines: the bits of a magnitude if `bit-serial`, else 1."""
        return self.dac_bits - 1 if self.inputs == "bit-serial" and self.dac_bits else 1

    def management(self, transposed: bool) -> tuple[NoiseManagement, float | None]:
        """Noise management of a direction, and the scale that it was given."""
        if not transposed:
            return self.noise_management, self.input_scale
        return self.backward_noise_management or self.noise_management, self.backward_input_scale

    def _check_scales(self) -> None:
        for transposed, prefix in ((False, ""), (True, "backward_")):
            management, scale = self.management(transposed)
            _require_one_of(
                f"read.{prefix}noise_management", management, ("abs-max", "average-abs-max", "constant", "none")
            )
            where = f"read.{prefix}input_scale"
            if management == "constant":
                _require(scale is not None and 0 < scale < inf, where, "above 0 with 'constant'", scale, "give a scale")
            else:
                _require(scale is None, where, "None without 'constant'", scale, "leave it out")

    def _check_together(self) -> None:
        if self.inputs == "bit-serial":
            _require(self.dac_bits is not None, "read.dac_bits", "given for 'bit-serial'", None, "say how many passes")
            _require(
                self.accumulate == "analog" or self.bound_management == "none",
                "read.bound_management",
                "'none' where every pass is converted",
                self.bound_management,
                "half the input only moves its bits to other passes",
            )
        _require(
            self.ir_drop == "none" or self.wires is not None,
            "read.wires",
            "given with IR drop",
            None,
            "give ohms of a segment",
        )


@dataclass(frozen=True)
class UpdateSpec:
    """How an array is updated.

    Attributes:
        train_length: BL_max, most slots of a pulse train.
        update_management: balance the probabilities of rows and columns by the largest magnitudes.
        train_length_management: use no more slots than the largest product needs.
        half_select_step: how far a device moves when only one of its lines fires, relative to a whole pulse; 0 for
            devices that half the amplitude does not move.
        scheme: how pulses are chosen, where an update does not say: `stochastic-compressed` draws trains, both signs
            in one pass; `stochastic` in two passes; `deterministic-implicit` rounds counts; `mean-count` draws counts.
        kernel: `fused`, or `reference`, which applies every pulse in turn and is slower; the same law.
    """

    train_length: int = 31
    update_management: bool = True
    train_length_management: bool = True
    half_select_step: float = 0.0
    scheme: Literal["stochastic-compressed", "stochastic", "deterministic-implicit", "mean-count"] = (
        "stochastic-compressed"
    )
    kernel: Literal["fused", "reference"] = "fused"

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: the train length is below 1 or above LONGEST_TRAIN, or the half-select step not in [0, 1].
        """
        _require(
            1 <= self.train_length <= LONGEST_TRAIN,
            "update.train_length",
            f"from 1 to {LONGEST_TRAIN}",
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
        schemes = get_args(UpdateSpec.__annotations__["scheme"])
        _require(self.scheme in schemes, "update.scheme", f"one of {', '.join(schemes)}", self.scheme, "choose one")
        _require(
            self.kernel in ("fused", "reference"), "update.kernel", "'fused' or 'reference'", self.kernel, "choose one"
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
    """The conductances of w_min and w_max of one device, siemens.

    Attributes:
        g_min: at w_min.
        g_max: at w_max.
        elements: devices of a cell and references beside it, each of which conducts; a reference has G(0).
    """

    g_min: float
    g_max: float
    elements: int = 2

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
