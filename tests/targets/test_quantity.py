from fractions import Fraction

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity, ceiling
from ohmflow.targets.units import BINARY_PREFIXES, DECIMAL_PREFIXES

UNITS = ["s", "Hz", "V", "A", "ohm", "S", "F", "J", "W", "m", "K", "C", "B", "bit", "op", "MAC"]
SYMBOLS = [prefix + unit for unit in UNITS for prefix in DECIMAL_PREFIXES]
SYMBOLS += [prefix + unit for unit in ("B", "bit") for prefix in BINARY_PREFIXES]

numbers = st.decimals(min_value=-(10**6), max_value=10**6, places=4, allow_nan=False).map(str)
symbols = st.sampled_from(SYMBOLS)
compounds = st.one_of(
    symbols,
    st.builds("{}/{}".format, symbols, symbols),
    st.builds("{}*{}".format, symbols, symbols),
    st.builds("{}^{}".format, symbols, st.sampled_from([2, 3, -1, -2])),
    st.builds("{}^2/{}/{}".format, symbols, symbols, symbols),
)

PINT = pint.UnitRegistry(non_int_type=Fraction)
PINT.define("ohm_ = ohm")
PINT.define("op = [operation]")
PINT.define("MAC = 2 op")
BASE = "kilogram", "meter", "second", "ampere", "kelvin", "bit", "op"


def pint_si(number: str, unit: str) -> tuple[Fraction, dict[str, int]]:
    """The value and dimension by pint. Its `C` is a coulomb, its `S` a siemens, its `B` a byte, as ours."""
    quantity = PINT.Quantity(Fraction(number), PINT.parse_units(unit.replace("^", "**"))).to_base_units()
    return quantity.magnitude, {str(k): int(v) for k, v in quantity.unit_items()}


@given(numbers, compounds)
def test_parse_agrees_with_pint_exactly(number: str, unit: str) -> None:
    ours = Quantity.parse(f"{number} {unit}")
    value, powers = pint_si(number, unit)
    assert ours.value == value
    assert dict(zip(BASE, ours.dimension, strict=True)) == {name: powers.get(name, 0) for name in BASE}


@given(numbers, compounds)
def test_text_of_a_parsed_quantity_reads_back_equal(number: str, unit: str) -> None:
    quantity = Quantity.parse(f"{number} {unit}")
    text = str(quantity)
    again = Quantity.parse(text) if any(quantity.dimension) else Quantity.number(text)
    assert again == quantity
    assert hash(again) == hash(quantity)


@given(numbers, symbols, numbers.filter(lambda n: Fraction(n) != 0), symbols)
def test_product_and_quotient_undo_each_other(a: str, unit_a: str, b: str, unit_b: str) -> None:
    x, y = Quantity.parse(f"{a} {unit_a}"), Quantity.parse(f"{b} {unit_b}")
    assert x * y / y == x
    assert x * y == y * x
    assert (x / y) ** 2 == x * x / (y * y)


@given(numbers, numbers, symbols)
def test_sums_and_order_are_those_of_the_numbers(a: str, b: str, unit: str) -> None:
    x, y = Quantity.parse(f"{a} {unit}"), Quantity.parse(f"{b} {unit}")
    assert (x < y) == (Fraction(a) < Fraction(b))
    assert (x <= y) == (Fraction(a) <= Fraction(b))
    assert x + y - y == x


@pytest.mark.parametrize(
    ("text", "pleasant"),
    [
        ("5 ns", "5 ns"),
        ("0.005 us", "5 ns"),
        ("15e-18 J", "15 aJ"),
        ("1000 MHz", "1 GHz"),
        ("5 µs", "5 us"),
        ("5 μs", "5 us"),
        ("3 kΩ", "3 kohm"),
        ("0.2 fF/um", "200 aF/um"),
        ("0.4 um^2", "400000 nm^2"),
        ("2.684 mm²", "2.684 mm^2"),
        ("262144 B", "256 KiB"),
        ("64 bit", "64 bit"),
        ("90 B", "90 B"),
        ("0.054 pJ/bit", "54 fJ/bit"),
        ("7200 s", "7200 s"),
        ("0 V", "0 V"),
        ("1e-21 J", "0.001 aJ"),
    ],
)
def test_text_is_in_an_engineering_unit(text: str, pleasant: str) -> None:
    assert str(Quantity.parse(text)) == pleasant


def test_values_are_exact_where_floats_are_not() -> None:
    assert Quantity.parse("0.1 ns") * 3 == Quantity.parse("0.3 ns")
    assert Quantity.parse("80 ns") * Quantity.parse("1 GHz") == Quantity.number("80")
    assert ceiling(Quantity.parse("80 ns") * Quantity.parse("1 GHz")) == 80


def test_data_are_counted_in_bits() -> None:
    assert Quantity.parse("1 B").si == 8.0
    assert Quantity.parse("1 KiB").to("B") == 1024.0
    assert Quantity.parse("1 kB").to("B") == 1000.0


def test_charge_times_voltage_is_an_energy() -> None:
    assert Quantity.parse("2 fC") * Quantity.parse("3 V") == Quantity.parse("6 fJ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("5", "quantity must have a unit, not be the bare number '5'; write one such as '5 ns'"),
        ("ns", "quantity must be a number and a unit such as '5 ns', not 'ns'"),
        ("", "quantity must be a number and a unit such as '5 ns', not ''"),
        ("nan s", "quantity must be a number and a unit such as '5 ns', not 'nan s'"),
        ("5 nsec", "unit must be a known one, not 'nsec' in 'nsec'; did you mean 'ns'?"),
        ("5 ns/", "unit must be such as 'ns', 'fF/um' or 'mm^2', not 'ns/'"),
        ("5 ns^10", "power of a unit must lie within -9 and 9, not 10"),
        ("1e400 s", "quantity must be of a size that a float holds, not '1e400 s'"),
        ("1e-400 s", "quantity must be of a size that a float holds, not '1e-400 s'"),
        ("1e9999 s", "quantity must be a number and a unit such as '5 ns', not '1e9999 s'"),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(QuantityError) as caught:
        Quantity.parse(text)
    assert str(caught.value) == sentence


def test_a_unit_of_another_dimension_is_refused() -> None:
    with pytest.raises(QuantityError, match=r"^5 ns must be an energy to be given in 'pJ'$"):
        Quantity.parse("5 ns").to("pJ")
    with pytest.raises(QuantityError, match=r"^1 V must be a time to go with 5 ns$"):
        Quantity.parse("5 ns") + Quantity.parse("1 V")
    with pytest.raises(QuantityError, match=r"^5 ns must be a plain number to be counted$"):
        ceiling(Quantity.parse("5 ns"))


@pytest.mark.parametrize("text", ["", "5 ns", "x", "1/2"])
def test_a_plain_number_has_no_unit(text: str) -> None:
    with pytest.raises(QuantityError, match=r"^number must be a plain one such as '0.06', not"):
        Quantity.number(text)
