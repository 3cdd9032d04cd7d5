"""Numbers with units as the page shows them, and round ticks for its axes."""

import math

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
    (1e-15, "f"),
    (1e-18, "a"),
)

MISSING = "not modelled"
"""What stands where a target gives no figure."""


def scaled(value: float, unit: str) -> str:
    """Three significant digits, a prefix and the unit: 1.23 mJ."""
    if not math.isfinite(value):
        return f"{value} {unit}"
    if value == 0:
        return f"0 {unit}"
    factor, prefix = _prefix(abs(value))
    number = value / factor
    digits = 2 if abs(number) < 9.995 else 1 if abs(number) < 99.95 else 0
    return f"{number:.{digits}f} {prefix}{unit}"


def percent(part: float | None, digits: int = 1) -> str:
    """A share as 97.2 %; an en dash when there is none."""
    if part is None:
        return "–"
    if 0 < part < 0.5 * 10 ** -(digits + 2):
        return f"< {10**-digits:.{digits}f} %"
    return f"{100 * part:.{digits}f} %"


def integer(value: float) -> str:
    """A whole number with thin groups of three."""
    return f"{round(value):,}".replace(",", "\u202f")


def count(value: float) -> str:
    """A count in at most four characters and a prefix: 1.26 k."""
    return str(round(value)) if abs(value) < 1000 else scaled(value, "").strip()


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that span `low` to `high`, both ends included.

    Args:
        low: smallest value to show.
        high: largest value to show; widened when it is not above `low`.
        most: steps at most.
    """
    if not high > low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, last + 1)]


def tick_labels(ticks: list[float], unit: str) -> list[str]:
    """Ticks in one common prefix, as short as they can be told apart: 0, 5, 10 mJ."""
    factor, prefix = _prefix(max(abs(t) for t in ticks))
    numbers = [t / factor for t in ticks]
    digits = next(d for d in range(7) if all(abs(n - round(n, d)) < 1e-6 for n in numbers) or d == 6)
    texts = [f"{n:.{digits}f}" for n in numbers]
    texts[-1] = f"{texts[-1]} {prefix}{unit}".rstrip()
    return texts


def _prefix(magnitude: float) -> tuple[float, str]:
    return next(((f, p) for f, p in _PREFIXES if magnitude >= f * 0.9995), _PREFIXES[-1])
