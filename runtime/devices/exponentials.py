"""Functions in float32 for pulses: 2^x, log₂ x and Φ(x), in additions and products, and one quotient for Φ.

The C library's own differ in their last bit from version to version, and training would with them; and a call of them
takes longer than the rest of a pulse. All are within 4·10⁻⁷ of the true value, relative (2^x) or absolute (the others).
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import as_float, bits_of, fused

_LOWEST, _HIGHEST = np.float32(-126.0), np.float32(127.0)
_ROUNDING = np.float32(1.5 * 2.0**23)  # adding it and taking it away leaves a float32 below 2^22 rounded
_ONE = np.float32(1.0)
# 2^f on [-1/2, 1/2], interpolated at the six Chebyshev points: within 1.6e-7.
_A0, _A1, _A2 = np.float32(1.0000001), np.float32(0.6931472), np.float32(0.24022107)
_A3, _A4, _A5 = np.float32(0.05550357), np.float32(0.009676032), np.float32(0.0013390863)
# log₂(1 + r)/r on [√½ − 1, √2 − 1], fitted so that the largest error of log₂(1 + r) is least: 5e-8.
_B0, _B1, _B2, _B3 = np.float32(1.4426948), np.float32(-0.72135717), np.float32(0.48093945), np.float32(-0.3600872)
_B4, _B5, _B6, _B7 = np.float32(0.28670755), np.float32(-0.2500693), np.float32(0.23688978), np.float32(-0.14574295)
_ROOT_HALF = np.uint32(0x3F3504F3)  # bits of √½: mantissas are taken from [√½, √2), about 1
_MANTISSA_BITS = np.uint32(23)
# Φ(−x) = φ(x)·t·(C0 + C1·t + … + C4·t⁴) with t = 1/(1 + P·x): within 7.5e-8 in exact numbers.
_P, _PER_ROOT_TWO_PI, _HALF_LOG2_E = np.float32(0.2316419), np.float32(0.39894228), np.float32(-0.72134752)
_C0, _C1, _C2 = np.float32(0.319381530), np.float32(-0.356563782), np.float32(1.781477937)
_C3, _C4 = np.float32(-1.821255978), np.float32(1.330274429)


@njit(cache=True)
def power_of_two(x: Any) -> Any:
    """Return 2^x of a float32, which is clipped to [-126, 127]."""
    x = min(max(x, _LOWEST), _HIGHEST)
    shifted = x + _ROUNDING
    f = x - (shifted - _ROUNDING)
    g = f * f
    # In pairs: less deep than term by term, and pulses of one device wait for each other.
    value = fused(g, fused(g, fused(f, _A5, _A4), fused(f, _A3, _A2)), fused(f, _A1, _A0))
    # The last bits of what was shifted are the whole number, which is added to the exponent.
    return as_float(np.uint32(bits_of(value) + np.uint32(bits_of(shifted) << _MANTISSA_BITS)))


@njit(cache=True)
def log_two(x: Any) -> Any:
    """Return log₂ x of a float32 that is positive and normal; of 0, a number below -126."""
    bits = bits_of(x)
    # Cut back after every operation, which numba widens: 64 bits would halve what a vector instruction does.
    exponent = np.int32(np.int32(np.uint32(bits - _ROOT_HALF)) >> np.int32(_MANTISSA_BITS))
    m = as_float(np.uint32(bits - np.uint32(np.uint32(exponent) << _MANTISSA_BITS)))
    r = m - _ONE
    z = r * r
    low = fused(z, fused(r, _B3, _B2), fused(r, _B1, _B0))
    high = fused(z, fused(r, _B7, _B6), fused(r, _B5, _B4))
    return fused(r, fused(z * z, high, low), np.float32(exponent))


@njit(cache=True, error_model="numpy")  # 1 + P·|x| is at least 1
def normal_share(x: Any) -> Any:
    """Return Φ(x), the share of normal numbers below x, of a float32: within 4·10⁻⁷, and from 0 to 1.

    Source: Abramowitz and Stegun 1964, 26.2.17.
    """
    far = abs(x)
    t = _ONE / (_ONE + _P * far)
    tail = _PER_ROOT_TWO_PI * power_of_two(_HALF_LOG2_E * far * far) * t
    tail *= _C0 + t * (_C1 + t * (_C2 + t * (_C3 + t * _C4)))
    tail = min(max(tail, np.float32(0.0)), _ONE)
    return tail if x < np.float32(0.0) else _ONE - tail
