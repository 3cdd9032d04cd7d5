"""`device:` what one programmable resistor is, and how it is pulsed."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ohmflow.targets.schema.figure import Conductance, Energy, Gap, Time, Voltage
from ohmflow.targets.schema.leaves import Choice, Text
from ohmflow.targets.schema.model import SectionModel


class Pulse(SectionModel):
    """`device.pulse:` one update pulse.

    Attributes:
        width: s, how long it lasts.
        gap: s, pause before the next pulse.
        amplitude: V, across a device at a coincidence.
        scheme: `half-select`: row and column lines swing half the amplitude each; `full`: each the whole.
    """

    width: Time
    gap: Gap
    amplitude: Voltage
    scheme: Annotated[Literal["half-select", "full"], Choice()]


class ConductanceWindow(SectionModel):
    """`device.conductance:` S, the window that device weights w_min … w_max map to."""

    min: Conductance
    max: Conductance


class Device(SectionModel):
    """`device:` the model by name, its parameters, and its electrical figures.

    Attributes:
        model: entry-point name in the group `ohmflow.devices`.
        parameters: of the model, dimensionless device-weight units; validated by the model's own `Parameters`.
        pulse: one update pulse; absent on a device without pulses.
        conductance: window; absent when currents are not modelled.
        energy_per_pulse: J, at a coincidence.
        energy_half_select: J, in a device that sees one of the two pulses only.
    """

    model: Text
    parameters: dict[str, float] = Field(default_factory=dict)
    pulse: Pulse | None = None
    conductance: ConductanceWindow | None = None
    energy_per_pulse: Energy | None = None
    energy_half_select: Energy | None = None


def is_pulsed(device: Any) -> bool:
    """Whether the device is updated by pulses, that is, whether it is anything but `ideal`."""
    return bool(device.model != "ideal")
