"""A read's figures as the numbers that its kernels take."""

from math import floor

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar import read_converters as place
from ohmflow.runtime.crossbar.spec import ReadSpec


def kernel_settings(spec: ReadSpec, alpha: float) -> npt.NDArray[np.float64]:
    """Collect what the kernels are told.

    Args:
        spec: how a block is read.
        alpha: α of W = α·w.

    Returns:
        [SETTINGS] float64, see `read_converters`.
    """
    found = np.zeros(place.SETTINGS)
    # 2^b − 2 steps from −1 to 1 are 2^(b−1) − 1 steps from 0 to 1.
    found[place.DAC_LEVELS] = 2 ** (spec.dac_bits - 1) - 1 if spec.dac_bits else 0
    found[place.DAC_STOCHASTIC] = spec.dac.rounding == "stochastic"
    found[place.NEGATIVE_GAIN] = spec.negative_gain
    found[place.ADC_HIGH], found[place.ADC_LOW] = spec.out_bound, spec.low
    found[place.ADC_STOCHASTIC] = spec.adc.rounding == "stochastic"
    if spec.adc_bits:
        steps = 2**spec.adc_bits - 2
        # Steps from 0 to the upper end: a whole number where the range is even.
        found[place.ADC_LEVELS] = steps * (spec.out_bound / (spec.out_bound + spec.low))
        found[place.ADC_TOP] = _whole_steps(steps, spec.out_bound, spec.low)
        found[place.ADC_BOTTOM] = _whole_steps(steps, spec.low, spec.out_bound)
    found[place.FLICKER] = spec.flicker
    found[place.MAX_RETRIES] = spec.max_retries if spec.bound_management == "iterative" else 0
    found[place.ALPHA] = alpha
    return found


def _whole_steps(steps: int, end: float, other: float) -> int:
    """Whole steps between 0 and an end of the range; what rounding took from a whole number is given back."""
    return floor(steps * (end / (end + other)) * (1.0 + 1e-12))
