"""Energy and area of a converter by a fit to the ADC survey of silicon, from its resolution, rate and technology.

FOMS = min(213.7807 − 2.871903·ln f, 128.3068 + 3.220512·b) dB, SNDR = 6.02·b + 1.76 dB,
E = ½·10^(−(FOMS − SNDR)/10) · exp(26.04962 + 1.880037·ln nm − 2.829126·ln b − 1.470202) pJ,
A = exp(1.346192 + 0.9932795·ln nm + 0.1807154·ln f + 0.2991243·ln E) µm².

E follows the best fifth of energies, A the best tenth of areas; 0.2 of E is leakage, which `tile.adc.energy` leaves to
`tile.leakage`. The fit holds for b of at least 4 effective bits and f up to 10 GHz. Published designs state down to a
fifth of its areas.

Source: hwcomponents-adc; arXiv 2404.06553.
"""

from fractions import Fraction
from math import exp, log

from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity


def conversion_energy(bits: Quantity, rate: Quantity, technology: Quantity) -> Quantity:
    """J of one conversion of a converter that never rests, leakage included.

    Args:
        bits: effective resolution, bit.
        rate: conversions, Hz.
        technology: feature size, m.

    Raises:
        QuantityError: outside of the range of the fit, or of another dimension.
    """
    picojoules = _energy(*_checked(bits, rate, technology))
    return Quantity.parse("1 pJ") * Fraction(picojoules)


def converter_area(bits: Quantity, rate: Quantity, technology: Quantity) -> Quantity:
    """m² of one converter; arguments and errors as in `conversion_energy`."""
    b, f, nm = _checked(bits, rate, technology)
    area = exp(1.346192 + 0.9932795 * log(nm) + 0.1807154 * log(f) + 0.2991243 * log(_energy(b, f, nm)))
    return Quantity.parse("1 um^2") * Fraction(area)


def _checked(bits: Quantity, rate: Quantity, technology: Quantity) -> tuple[float, float, float]:
    b, f, nm = bits.to("bit"), rate.to("Hz"), technology.to("nm")
    if not (4 <= b and 0 < f <= 1e10 and nm > 0):
        raise QuantityError(f"converter must have at least 4 bit and at most 10 GHz, not {bits} and {rate}")
    return b, f, nm


def _energy(b: float, f: float, nm: float) -> float:
    """Picojoules of the fit."""
    merit = min(213.7807 - 2.871903 * log(f), 128.3068 + 3.220512 * b)
    scale = exp(26.04962 + 1.880037 * log(nm) - 2.829126 * log(b) - 1.470202)
    return 0.5 / 10 ** ((merit - 6.02 * b - 1.76) / 10) * scale
