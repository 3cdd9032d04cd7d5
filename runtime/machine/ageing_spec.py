"""What time and use do to a target's devices, for the crossbar."""

from ohmflow.runtime.crossbar.ageing import AgeingSpec
from ohmflow.runtime.crossbar.wear import WearSpec
from ohmflow.targets.schema.target import Target


def ageing_spec(target: Target) -> AgeingSpec | None:
    """What time does to the target's devices; None where it does nothing."""
    device = target.device
    if not device.ageing:
        return None
    figures: dict[str, float] = {}
    if device.retention is not None:
        law = device.retention
        figures |= {
            "time_constant": law.time_constant.si,
            "time_constant_spread": law.spread.si,
            "level": law.level.si,
            "level_spread": law.level_spread.si,
            "shape": law.shape.si,
        }
    if device.drift is not None:
        figures |= {
            "drift_exponent": device.drift.exponent.si,
            "drift_spread": device.drift.spread.si,
            "drift_reference": device.drift.reference_time.si,
            "drift_level": device.drift.level.si,
        }
    if device.diffusion is not None:
        figures |= {
            # Variances grow in proportion to time.
            "deviation": device.diffusion.deviation.si / device.diffusion.after.si**0.5,
            "deviation_spread": device.diffusion.spread.si,
        }
    return AgeingSpec(**figures)


def wear_spec(target: Target) -> WearSpec | None:
    """How many pulses the target's devices survive; None where it does not say."""
    law = target.device.endurance
    return None if law is None else WearSpec(law.pulses.si, law.spread.si, law.beyond)
