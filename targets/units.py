"""Units, prefixes and dimensions: the table behind `ohmflow.targets.quantity`.

A dimension is a tuple of integer exponents over (kg, m, s, A, K, bit, op). All units are coherent SI, so that a
unit's scale is 1 but for the byte (8 bit) and the multiplication with its addition (1 MAC = 2 op). Prefixes are
decimal, a to T; Ki, Mi, Gi are for bytes and bits.
Source: SI brochure, 9th edition (2019), tables 4 and 7; IEC 80000-13 for binary prefixes.
"""

import re
from difflib import get_close_matches
from fractions import Fraction

from ohmflow.targets.errors import QuantityError

Dimension = tuple[int, int, int, int, int, int, int]
NUMBER: Dimension = (0, 0, 0, 0, 0, 0, 0)

_DIMENSIONS: dict[str, Dimension] = {
    #      kg  m   s   A  K  bit op
    "s": (0, 0, 1, 0, 0, 0, 0),
    "Hz": (0, 0, -1, 0, 0, 0, 0),
    "V": (1, 2, -3, -1, 0, 0, 0),
    "A": (0, 0, 0, 1, 0, 0, 0),
    "ohm": (1, 2, -3, -2, 0, 0, 0),
    "S": (-1, -2, 3, 2, 0, 0, 0),
    "F": (-1, -2, 4, 2, 0, 0, 0),
    "J": (1, 2, -2, 0, 0, 0, 0),
    "W": (1, 2, -3, 0, 0, 0, 0),
    "m": (0, 1, 0, 0, 0, 0, 0),
    "K": (0, 0, 0, 0, 1, 0, 0),
    "C": (0, 0, 1, 1, 0, 0, 0),
    "B": (0, 0, 0, 0, 0, 1, 0),
    "bit": (0, 0, 0, 0, 0, 1, 0),
    "op": (0, 0, 0, 0, 0, 0, 1),
    "MAC": (0, 0, 0, 0, 0, 0, 1),
}
_SCALES = {"B": 8, "MAC": 2}
DECIMAL_PREFIXES = {
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
}
BINARY_PREFIXES = {"Ki": 10, "Mi": 20, "Gi": 30}
_SPELLINGS = str.maketrans(
    {"\u00b5": "u", "\u03bc": "u", "\u03a9": "ohm", "\u2126": "ohm", "·": "*", "²": "^2", "³": "^3"}
)
"""Two signs of micro and two of ohm, which look alike, and what stands for products and powers."""
_FACTOR = re.compile(r"([A-Za-z]+)(?:(?:\^|\*\*)(-?\d{1,2}))?")
_MAX_POWER = 9

NAMES: dict[str, tuple[str, str]] = {
    "s": ("a time", "time"),
    "Hz": ("a frequency", "frequency"),
    "V": ("a voltage", "voltage"),
    "A": ("a current", "current"),
    "ohm": ("a resistance", "resistance"),
    "S": ("a conductance", "conductance"),
    "F": ("a capacitance", "capacitance"),
    "J": ("an energy", "energy"),
    "W": ("a power", "power"),
    "m": ("a length", "length"),
    "m^2": ("an area", "area"),
    "K": ("a temperature", "temperature"),
    "C": ("a charge", "charge"),
    "bit": ("an amount of data", "data"),
    "op": ("a number of operations", "operations"),
    "F/m": ("a capacitance per length", "capacitance per length"),
    "ohm/m": ("a resistance per length", "resistance per length"),
    "J/bit": ("an energy per bit", "energy per bit"),
    "bit/s": ("a data rate", "data rate"),
}
"""Plain words for the dimension of a unit: with its article, and without."""


def _symbols() -> dict[str, tuple[Fraction, Dimension]]:
    table: dict[str, tuple[Fraction, Dimension]] = {}
    for unit, dimension in _DIMENSIONS.items():
        scale = Fraction(_SCALES.get(unit, 1))
        for prefix, exponent in DECIMAL_PREFIXES.items():
            table[prefix + unit] = (scale * Fraction(10) ** exponent, dimension)
        if unit in ("B", "bit"):
            for prefix, exponent in BINARY_PREFIXES.items():
                table[prefix + unit] = (scale * 2**exponent, dimension)
    return table


SYMBOLS = _symbols()
"""Every unit with every prefix: scale to SI and dimension."""


def split_prefix(symbol: str) -> tuple[str, str] | None:
    """Split a known unit into prefix and unit (`aW` -> `a`, `W`), or None when it is not one."""
    symbol = symbol.translate(_SPELLINGS)
    for unit in _DIMENSIONS:
        if symbol.endswith(unit) and symbol in SYMBOLS and symbol.removesuffix(unit) in DECIMAL_PREFIXES:
            return symbol.removesuffix(unit), unit
    return None


def parse_unit(text: str) -> tuple[Fraction, Dimension]:
    """Read a product, quotient and power of units, left to right: `fF/um`, `mm^2`, `pJ/bit`, `J*s`.

    Returns:
        The scale to SI and the dimension.

    Raises:
        QuantityError: the text is not made of known units.
    """
    rest = re.sub(r"\s+", " ", text.translate(_SPELLINGS).strip())
    scale, dimension, sign = Fraction(1), NUMBER, 1
    while True:
        match = _FACTOR.match(rest)
        if match is None:
            raise QuantityError(f"unit must be such as 'ns', 'fF/um' or 'mm^2', not {text!r}")
        factor, factor_dimension = _lookup(match[1], text)
        power = sign * int(match[2] or 1)
        if abs(power) > _MAX_POWER:
            raise QuantityError(f"power of a unit must lie within {-_MAX_POWER} and {_MAX_POWER}, not {power}")
        scale *= factor**power
        dimension = combine(dimension, factor_dimension, power)
        rest = rest[match.end() :].strip()
        if not rest:
            return scale, dimension
        sign = -1 if rest[0] == "/" else 1
        rest = rest.removeprefix("/" if sign < 0 else "*").strip()


def _lookup(symbol: str, text: str) -> tuple[Fraction, Dimension]:
    if symbol in SYMBOLS:
        return SYMBOLS[symbol]
    near = get_close_matches(symbol, SYMBOLS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known units are {', '.join(_DIMENSIONS)}"
    raise QuantityError(f"unit must be a known one, not '{symbol}' in {text!r}; {hint}")


def combine(a: Dimension, b: Dimension, power: int) -> Dimension:
    """Dimension of a·b^power."""
    kg, m, s, amp, kelvin, bit, op = (x + power * y for x, y in zip(a, b, strict=True))
    return kg, m, s, amp, kelvin, bit, op


def describe(dimension: Dimension) -> str:
    """Name a dimension with its article: `an energy`, or `a quantity in J/m` when it has no plain name."""
    if dimension == NUMBER:
        return "a plain number"
    for unit, (phrase, _) in NAMES.items():
        if parse_unit(unit)[1] == dimension:
            return phrase
    return f"a quantity in {generic_unit(dimension)}"


def generic_unit(dimension: Dimension) -> str:
    """Spell any dimension with units that `parse_unit` reads; kg is J·s²/m²."""
    kg, m, s, amp, kelvin, bit, op = dimension
    powers = {"J": kg, "m": m - 2 * kg, "s": s + 2 * kg, "A": amp, "K": kelvin, "bit": bit, "op": op}
    return "*".join(unit if power == 1 else f"{unit}^{power}" for unit, power in powers.items() if power)
