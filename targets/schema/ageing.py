"""`device.retention:`, `device.drift:`, `device.diffusion:`, `device.endurance:` what time and use do to a device.

All times are seconds of the chip. Laws that are published per mini-batch have no time of their own: multiply their
lifetime by the seconds that a training step takes on the chip where they were measured.
"""

from typing import Annotated, Literal

from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.figure import Figure, Measure, PositiveNumber
from ohmflow.targets.schema.leaves import Choice
from ohmflow.targets.schema.model import SectionModel

Seconds = Annotated[Figure, Measure("1e4 s")]
Number = Annotated[Figure, Measure("0.3", "not negative")]
SignedNumber = Annotated[Figure, Measure("0.1", "any")]

_ZERO = Figure(Quantity.number("0"))
_ONE = Figure(Quantity.number("1"))


class Retention(SectionModel):
    """`device.retention:` how a weight returns to rest: w − level falls as exp(−(t/time_constant)^shape).

    Attributes:
        time_constant: s, in which w − level falls to 1/e; the median over devices.
        spread: standard deviation between devices of the time constant's natural logarithm.
        level: weight at rest, device units.
        level_spread: standard deviation of the level between devices, device units.
        shape: 1 for an exponential; below 1 stretches it, and t then counts from the last write.
    """

    time_constant: Seconds
    spread: Number = _ZERO
    level: SignedNumber = _ZERO
    level_spread: Number = _ZERO
    shape: PositiveNumber = _ONE


class Drift(SectionModel):
    """`device.drift:` how a written weight relaxes: w − level falls as (t/reference_time)^(−exponent).

    Attributes:
        exponent: mean over devices of the power.
        spread: standard deviation of the exponent between devices, relative to its mean.
        reference_time: s after the last write, before which nothing drifts.
        level: weight that does not drift, device units; 0 where cell and reference drift alike.
    """

    exponent: Number
    spread: Number = _ZERO
    reference_time: Seconds
    level: SignedNumber = _ZERO


class Diffusion(SectionModel):
    """`device.diffusion:` how a weight wanders: its variance grows in proportion to time.

    Attributes:
        deviation: standard deviation of the weight after that time, device units.
        after: s, that time.
        spread: standard deviation of `deviation` between devices, relative to its mean.
    """

    deviation: Number
    after: Seconds
    spread: Number = _ZERO


class Endurance(SectionModel):
    """`device.endurance:` how many pulses a device survives.

    Attributes:
        pulses: whole pulses up and down; the median over devices.
        spread: standard deviation between devices of that number's natural logarithm.
        beyond: `report`: a worn device goes on and is counted; `stuck`: pulses move it no more.
    """

    pulses: PositiveNumber
    spread: Number = _ZERO
    beyond: Annotated[Literal["report", "stuck"], Choice()] = "report"
