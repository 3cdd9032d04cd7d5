"""`device:` what one programmable resistor is, and how it is pulsed."""

from math import exp
from typing import Annotated, Any, Literal

from pydantic import Field

from ohmflow.targets.schema.ageing import Diffusion, Drift, Endurance, Retention
from ohmflow.targets.schema.figure import Conductance, Energy, Fraction01, Gap, Time, Voltage
from ohmflow.targets.schema.leaves import Choice, Text
from ohmflow.targets.schema.model import SectionModel

FIXED = "fixed"
"""Device model of weights that are written once and only read; no machine executes it, so it needs no class."""


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
    """`device.conductance:` the window that device weights w_min … w_max map to.

    Attributes:
        min: S, at w_min.
        max: S, at w_max.
    """

    min: Conductance
    max: Conductance


class VoltageLaw(SectionModel):
    """`device.voltage:` how the step of a pulse grows with its voltage V.

    Attributes:
        law: `sinh`: in proportion to sinh(V/v0), as where ions hop over barriers that the field tilts.
        v0: V, the law's scale.
    """

    law: Annotated[Literal["sinh"], Choice()]
    v0: Voltage


class Device(SectionModel):
    """`device:` the model by name, its parameters, and its electrical figures.

    Attributes:
        model: entry-point name in the group `ohmflow.devices`; or `fixed`, written once and only read.
        parameters: of the model, dimensionless device-weight units; validated by the model's own `Parameters`. Numbers,
            and where the model has tables, tuples and dictionaries of numbers: a file is here with its content.
        pulse: one update pulse; absent on a device without pulses.
        conductance: window; absent when currents are not modelled.
        energy_per_pulse: J, at a coincidence.
        energy_half_select: J, in a device that sees one of the two pulses only.
        half_select_step: step of a device that sees one of the two pulses only, relative to a coincidence, from 0 to 1.
        voltage: law from which that step follows; one of the two at most is given.
        retention: how a weight returns to rest; absent where it stays.
        drift: how a written weight relaxes; absent where it does not.
        diffusion: how a weight wanders; absent where it does not.
        endurance: how many pulses a device survives; absent where nothing counts them.
    """

    model: Text
    parameters: dict[str, Any] = Field(default_factory=dict)
    pulse: Pulse | None = None
    conductance: ConductanceWindow | None = None
    energy_per_pulse: Energy | None = None
    energy_half_select: Energy | None = None
    half_select_step: Fraction01 | None = None
    voltage: VoltageLaw | None = None
    retention: Retention | None = None
    drift: Drift | None = None
    diffusion: Diffusion | None = None
    endurance: Endurance | None = None

    @property
    def half_select_ratio(self) -> float:
        """Step of a half-selected device relative to a coincidence, from 0 to 1.

        0 where no device is half selected (no pulses, or `scheme: full`), and where nothing is said of the step.
        """
        if self.pulse is None or self.pulse.scheme != "half-select":
            return 0.0
        if self.half_select_step is not None:
            return self.half_select_step.si
        if self.voltage is None:
            return 0.0
        # sinh(V/2v0)/sinh(V/v0) = 1/(2·cosh(V/2v0)), written so that nothing overflows.
        decay = exp(-self.pulse.amplitude.si / (2.0 * self.voltage.v0.si))
        return decay / (1.0 + decay * decay)

    @property
    def ageing(self) -> tuple[str, ...]:
        """What changes a weight as time passes: `retention`, `drift`, `diffusion`; empty for a device that keeps it.

        With one of them a run depends on the clock's seconds, and so on where arrays are placed.
        """
        kinds = {"retention": self.retention, "drift": self.drift, "diffusion": self.diffusion}
        return tuple(name for name, law in kinds.items() if law is not None)


def is_pulsed(device: Any) -> bool:
    """Whether the device is updated by pulses, that is, whether it is anything but `ideal` or `fixed`."""
    return device.model not in ("ideal", FIXED)
