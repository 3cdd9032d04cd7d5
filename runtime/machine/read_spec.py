"""How a target's tiles read, for the crossbar."""

import numpy as np

from ohmflow.runtime.crossbar.spec import ReadSpec
from ohmflow.targets.schema.target import Target


def read_spec(target: Target) -> ReadSpec | None:
    """How the target's tiles read, or None when they have no converters and read exactly."""
    dac, adc, read = target.tile.dac, target.tile.adc, target.tile.read
    if dac is None and adc is None:
        return None
    return ReadSpec(
        dac_bits=None if dac is None else dac.bits,
        adc_bits=None if adc is None else adc.bits,
        out_bound=float(np.inf) if adc is None else float(adc.bound.si),
        out_noise=0.0 if adc is None else float(adc.noise.si),
        noise_management=read.noise_management,
        bound_management=read.bound_management,
        max_retries=read.max_retries,
    )
