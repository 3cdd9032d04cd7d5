"""Exact values with units: `Quantity.parse("5 ns")`.

Inside is a fraction of the SI value and the exponents of the dimension, so that parsing, products and comparisons have
no rounding; floats appear only where they are asked for (`si`, `to`). Text without a unit is refused: a plain number is
made by `Quantity.number`. Data are counted in bits: `.si` of `1 B` is 8; say `.to("B")` for bytes.
It does not model offsets (degrees Celsius) or logarithms (decibel).
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Self

from ohmflow.targets.errors import QuantityError
from ohmflow.targets.units import DECIMAL_PREFIXES, NUMBER, Dimension, combine, describe, generic_unit, parse_unit

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_TEXT = re.compile(rf"\s*((?>{_NUMBER}))\s*((?:[^\d\s.].*?)?)\s*", re.DOTALL)
_MAX_DIGITS = 300  # exact decimals of powers of small units are long
_MAX_PLACES = 15


def split_number(text: str) -> tuple[str, str] | None:
    """Split text into its number and what follows (`15 aW` -> `15`, `aW`), or None when it begins with no number."""
    match = _TEXT.fullmatch(text)
    return (match[1], match[2]) if match and len(match[1]) <= _MAX_DIGITS else None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a dimension.

    Attributes:
        value: the exact value in coherent SI units (data in bits).
        dimension: exponents of (kg, m, s, A, K, bit, op).
    """

    value: Fraction
    dimension: Dimension

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number and a unit: `5 ns`, `0.2 fF/um`, `256 KiB`.

        Raises:
            QuantityError: no number, no unit, an unknown unit, or a value beyond what a float holds.
        """
        value, dimension = _parse(text)
        return cls(value, dimension)

    @classmethod
    def number(cls, value: str | int | Fraction) -> Self:
        """Make a dimensionless quantity of a number or its decimal text.

        Raises:
            QuantityError: the text is not a number.
        """
        if not isinstance(value, str):
            return cls(Fraction(value), NUMBER)
        parts = split_number(value)
        if parts is None or parts[1]:
            raise QuantityError(f"number must be a plain one such as '0.06', not {value!r}")
        return cls(_representable(Fraction(parts[0]), value), NUMBER)

    @property
    def si(self) -> float:
        """The value in coherent SI units (data in bits)."""
        return float(self.value)

    def exact(self, unit: str) -> Fraction:
        """The exact value in `unit`.

        Raises:
            QuantityError: the unit has another dimension.
        """
        scale, dimension = parse_unit(unit)
        if dimension != self.dimension:
            raise QuantityError(f"{self} must be {describe(dimension)} to be given in '{unit}'")
        return self.value / scale

    def to(self, unit: str) -> float:
        """The value in `unit`, as a float.

        Raises:
            QuantityError: the unit has another dimension.
        """
        return float(self.exact(unit))

    def __mul__(self, other: "Quantity | int | Fraction") -> "Quantity":
        """Multiply by a quantity or an exact number."""
        if isinstance(other, Quantity):
            return Quantity(self.value * other.value, combine(self.dimension, other.dimension, 1))
        return Quantity(self.value * other, self.dimension)

    __rmul__ = __mul__

    def __truediv__(self, other: "Quantity | int | Fraction") -> "Quantity":
        """Divide by a quantity or an exact number."""
        if isinstance(other, Quantity):
            return Quantity(self.value / other.value, combine(self.dimension, other.dimension, -1))
        return Quantity(self.value / other, self.dimension)

    def __pow__(self, power: int) -> "Quantity":
        """Raise to an integer power."""
        return Quantity(self.value**power, combine(NUMBER, self.dimension, power))

    def __add__(self, other: "Quantity") -> "Quantity":
        """Add a quantity of the same dimension."""
        return Quantity(self.value + self._same(other).value, self.dimension)

    def __sub__(self, other: "Quantity") -> "Quantity":
        """Subtract a quantity of the same dimension."""
        return Quantity(self.value - self._same(other).value, self.dimension)

    def __lt__(self, other: "Quantity") -> bool:
        """Compare with a quantity of the same dimension."""
        return self.value < self._same(other).value

    def __le__(self, other: "Quantity") -> bool:
        """Compare with a quantity of the same dimension."""
        return self.value <= self._same(other).value

    def _same(self, other: "Quantity") -> "Quantity":
        if self.dimension != other.dimension:
            raise QuantityError(f"{other} must be {describe(self.dimension)} to go with {self}")
        return other

    def __str__(self) -> str:
        """The value in an engineering unit; what `parse` made reads back equal."""
        if self.dimension == NUMBER:
            return _decimal(self.value)
        unit = _pleasant_unit(self.value, self.dimension)
        return f"{_decimal(self.exact(unit))} {unit}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Fraction, Dimension]:
    parts = split_number(text)
    if parts is None:
        raise QuantityError(f"quantity must be a number and a unit such as '5 ns', not {text!r}")
    number, unit = parts
    if not unit:
        raise QuantityError(
            f"quantity must have a unit, not be the bare number {text!r}; write one such as '{number} ns'"
        )
    scale, dimension = parse_unit(unit)
    return _representable(Fraction(number) * scale, text), dimension


def _representable(value: Fraction, text: str) -> Fraction:
    try:
        small = float(value) == 0.0 and value != 0
    except OverflowError:
        raise QuantityError(f"quantity must be of a size that a float holds, not {text!r}") from None
    if small:
        raise QuantityError(f"quantity must be of a size that a float holds, not {text!r}")
    return value


def _decimal(value: Fraction) -> str:
    """Write a fraction exactly when it is a decimal one, else as the nearest float."""
    denominator, twos, fives = value.denominator, 0, 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        return repr(float(value))
    places = max(twos, fives)
    sign, digits = "-" if value < 0 else "", str(abs(value.numerator) * 10**places // value.denominator)
    if places > _MAX_PLACES or len(digits) - places > _MAX_PLACES:
        short = digits.rstrip("0")
        point = f".{short[1:]}" if len(short) > 1 else ""
        return f"{sign}{short[0]}{point}e{len(digits) - 1 - places}"
    digits = digits.rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


_PREFIXED = ("s", "Hz", "V", "A", "ohm", "S", "F", "J", "W", "m", "K", "C")
_NO_LARGE = ("s", "m", "K")


def _pleasant_unit(value: Fraction, dimension: Dimension) -> str:
    if dimension == parse_unit("bit")[1]:
        return _data_unit(value)
    for unit in _PREFIXED:
        if dimension == parse_unit(unit)[1]:
            return _with_prefix(value, unit, top="" if unit in _NO_LARGE else "T")
    if dimension == parse_unit("m^2")[1]:
        fits = [unit for unit in ("m^2", "mm^2", "um^2") if abs(value) >= parse_unit(unit)[0]]
        return fits[0] if fits else "nm^2"
    for unit, per, top in (("F", "/um", "T"), ("ohm", "/um", "T"), ("J", "/bit", "T")):
        scale, compound = parse_unit(unit + per)
        if dimension == compound:
            return _with_prefix(value / scale, unit, top=top) + per
    return generic_unit(dimension)


def _with_prefix(value: Fraction, unit: str, *, top: str) -> str:
    """The unit with the largest prefix, up to `top`, that leaves at least 1 before the point."""
    if value == 0:
        return unit
    largest = DECIMAL_PREFIXES[top]
    for prefix, exponent in reversed(DECIMAL_PREFIXES.items()):
        if exponent <= largest and abs(value) >= Fraction(10) ** exponent:
            return prefix + unit
    return "a" + unit


def _data_unit(bits: Fraction) -> str:
    """Bits up to two words of 64; then bytes, with a binary prefix where that leaves a whole number."""
    if abs(bits) < 128 or bits % 8:
        return "bit"
    for unit in ("GiB", "MiB", "KiB"):
        if bits % parse_unit(unit)[0] == 0:
            return unit
    return _with_prefix(bits / 8, "B", top="T")


def ceiling(quantity: Quantity) -> int:
    """Round a plain number up to a whole one, exactly.

    Raises:
        QuantityError: the quantity has a dimension.
    """
    if quantity.dimension != NUMBER:
        raise QuantityError(f"{quantity} must be a plain number to be counted")
    return math.ceil(quantity.value)
