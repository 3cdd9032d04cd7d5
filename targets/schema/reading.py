"""`tile.dac:`, `tile.adc:`, `tile.read:` how a crossbar is read."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import (
    Area,
    Energy,
    Figure,
    Fraction01,
    Frequency,
    Measure,
    PositiveNumber,
    Time,
    Voltage,
)
from ohmflow.targets.schema.leaves import Bool, Choice, Count, Cycles, Whole
from ohmflow.targets.schema.model import SectionModel

Resolution = Annotated[int, Whole(2, 24)]
"""Resolution of a converter; 1 bit has no step in a symmetric range of 2^b - 2."""

Rounding = Annotated[Literal["nearest", "stochastic"], Choice()]
Scaling = Annotated[Literal["abs-max", "average-abs-max", "constant", "none"], Choice()]
Temperature = Annotated[Figure, Measure("300 K")]


class Dac(SectionModel):
    """`tile.dac:` input converters, one a line.

    Attributes:
        bits: resolution over the range of inputs.
        rounding: `nearest`, half to even, if not given; `stochastic` rounds up as likely as what is left over says.
        gain_dtod: spread of the gain from line to line, around 1.
        offset_dtod: spread of the offset from line to line, in full inputs.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    rounding: Rounding | None = None
    gain_dtod: Fraction01 | None = None
    offset_dtod: Fraction01 | None = None
    energy: Energy | None = None
    area: Area | None = None


class Adc(SectionModel):
    """`tile.adc:` output converters.

    Attributes:
        bits: resolution over the whole range ±bound.
        bound: largest output, in units of one full input on a device of weight 1.
        bound_low: magnitude of the least output, in the same unit; `bound` if not given.
        noise: standard deviation of the output noise, in the same unit.
        rounding: as of the input converters.
        gain_dtod: spread of the gain from line to line, around 1.
        offset_dtod: spread of the offset from line to line, in units of `bound`.
        rate: Hz, conversions of one converter.
        latency: cycles from the end of the last conversion to its code.
        shared_by: lines that share one converter.
        banks: 1 bank serves columns and rows, 2 have one each.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    bound: PositiveNumber
    bound_low: PositiveNumber | None = None
    noise: Fraction01
    rounding: Rounding | None = None
    gain_dtod: Fraction01 | None = None
    offset_dtod: Fraction01 | None = None
    rate: Frequency | None = None
    latency: Cycles
    shared_by: Count
    banks: Annotated[int, Whole(1, 2)]
    energy: Energy | None = None
    area: Area | None = None


class Read(SectionModel):
    """`tile.read:` how a read is driven and managed.

    Attributes:
        integration: s, for which lines are driven and charge is collected.
        setup: cycles before the integration.
        voltage: V, of a full input.
        double_buffered: sample-and-hold frees the array while its outputs are converted.
        noise_management: `abs-max` scales inputs to the largest one, `average-abs-max` by the running mean of that over
            the steps before, `constant` by `input_scale`; `none` does not.
        noise_management_backward: of transposed reads; `noise_management` if not given.
        input_scale: input that is driven fully, of `constant`.
        input_scale_backward: the same of transposed reads.
        scale_decay: weight of the newest step in the running mean, up to 1; 0.01 if not given.
        bound_management: `iterative` repeats a clipped forward read with half the input.
        max_retries: repetitions at most.
        temperature: K, of the cells, whose thermal noise is added; without it there is none.
        flicker: standard deviation of a cell's current from read to read, relative to the current.
        negative_gain: what negative inputs are multiplied by; 1 if not given.
        ir_drop: what wires do to the values of reads: nothing (`none`, if not given), an effective conductance for each
            cell (`fast`), or an exact solution for each vector (`exact`, slow).
        inputs: `levels` drives each line with a level, `pulse-width` for a share of the integration, `bit-serial` with
            one bit plane of the inputs' magnitudes a pass; integration and set-up are those of one pass.
        accumulate: of bit-serial reads: `digital` converts after every pass, `analog` once after the last.
        signs: `in-turn` integrates positive inputs and then, for as long, negative ones; charges add up before they are
            converted.
    """

    integration: Time | None = None
    setup: Cycles
    voltage: Voltage | None = None
    double_buffered: Bool
    noise_management: Scaling
    noise_management_backward: Scaling | None = None
    input_scale: PositiveNumber | None = None
    input_scale_backward: PositiveNumber | None = None
    scale_decay: PositiveNumber | None = None
    bound_management: Annotated[Literal["iterative", "none"], Choice()]
    max_retries: Annotated[int, Whole(0, 30)]
    temperature: Temperature | None = None
    flicker: Fraction01 | None = None
    negative_gain: PositiveNumber | None = None
    ir_drop: Annotated[Literal["none", "fast", "exact"], Choice()] | None = None
    inputs: Annotated[Literal["levels", "pulse-width", "bit-serial"], Choice()] = "levels"
    accumulate: Annotated[Literal["digital", "analog"], Choice()] = "digital"
    signs: Annotated[Literal["together", "in-turn"], Choice()] = "together"
