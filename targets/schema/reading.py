"""`tile.dac:`, `tile.adc:`, `tile.read:` how a crossbar is read."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import Area, Energy, Fraction01, Frequency, PositiveNumber, Time, Voltage
from ohmflow.targets.schema.leaves import Bool, Choice, Count, Cycles, Whole
from ohmflow.targets.schema.model import SectionModel

Resolution = Annotated[int, Whole(2, 24)]
"""Resolution of a converter; 1 bit has no step in a symmetric range of 2^b - 2."""


class Dac(SectionModel):
    """`tile.dac:` input converters, one a line.

    Attributes:
        bits: resolution over the range of inputs.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    energy: Energy | None = None
    area: Area | None = None


class Adc(SectionModel):
    """`tile.adc:` output converters.

    Attributes:
        bits: resolution over the whole range ±bound.
        bound: largest output, in units of one full input on a device of weight 1.
        noise: standard deviation of the output noise, in the same unit.
        rate: Hz, conversions of one converter.
        latency: cycles from the end of the last conversion to its code.
        shared_by: lines that share one converter.
        banks: 1 bank serves columns and rows, 2 have one each.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    bound: PositiveNumber
    noise: Fraction01
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
        noise_management: `abs-max` scales inputs to the largest one.
        bound_management: `iterative` repeats a clipped forward read with half the input.
        max_retries: repetitions at most.
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
    noise_management: Annotated[Literal["abs-max", "none"], Choice()]
    bound_management: Annotated[Literal["iterative", "none"], Choice()]
    max_retries: Annotated[int, Whole(0, 30)]
    inputs: Annotated[Literal["levels", "pulse-width", "bit-serial"], Choice()] = "levels"
    accumulate: Annotated[Literal["digital", "analog"], Choice()] = "digital"
    signs: Annotated[Literal["together", "in-turn"], Choice()] = "together"
