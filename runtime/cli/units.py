"""Numbers with units, as a person reads them."""

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_SMALL = ((1e-9, "n"), (1e-12, "p"), (1e-15, "f"), (1e-18, "a"))


def scaled(value: float, unit: str) -> str:
    """Three significant digits and a prefix: 1.23 mJ."""
    if value == 0:
        return f"0 {unit}"
    for factor, prefix in (*_PREFIXES, *_SMALL):
        if abs(value) >= factor * 0.9995:
            number = value / factor
            digits = 2 if abs(number) < 9.995 else 1 if abs(number) < 99.95 else 0
            return f"{number:.{digits}f} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def energy(joules: float) -> str:
    """Energy in joules: 1.23 mJ."""
    return scaled(joules, "J")


def time_text(seconds: float) -> str:
    """Time: 4.56 ms; minutes and hours when it is long."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return scaled(seconds, "s")


def percent(part: float | None) -> str:
    """A share as 97.2 %; – when there is none."""
    return "–" if part is None else f"{100 * part:.1f} %"


def share(part: float) -> str:
    """A share without decimals."""
    return f"{100 * part:.0f} %"


def bar(part: float, width: int = 20) -> str:
    """A horizontal bar of eighths."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
