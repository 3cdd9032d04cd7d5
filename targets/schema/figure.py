"""A figure: a quantity with where it is from, and the pydantic types that check its dimension."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity, split_number
from ohmflow.targets.schema.leaves import leaf_text, provenance_of, quote, refuse, with_provenance
from ohmflow.targets.units import NUMBER, Dimension, describe, parse_unit, split_prefix

Bound = Literal["any", "not negative", "positive"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of a target.

    Attributes:
        value: the exact quantity.
        source: what it is taken from, or None when the file does not say.
        confidence: high, medium or low; what does not say so is low.
    """

    value: Quantity
    source: str | None = None
    confidence: str = "low"

    @property
    def si(self) -> float:
        """The value in coherent SI units (data in bits)."""
        return self.value.si

    def to(self, unit: str) -> float:
        """The value in `unit`; raises `QuantityError` for a unit of another dimension."""
        return self.value.to(unit)

    def __str__(self) -> str:
        """The value in an engineering unit."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Measure:
    """Pydantic metadata: a figure must have the dimension of `example`, and lie in `bound`.

    Attributes:
        example: a value as one would write it; its unit gives the dimension.
        bound: which signs are allowed.
        whole: unit in which the value must be a whole number, or None.
    """

    example: str
    bound: Bound = "positive"
    whole: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as text with a unit (or a number), or a mapping with source and confidence."""
        del schema, handler
        kind = "number" if self._dimensionless else "string"
        return with_provenance({"type": kind, "examples": [self._sample]})

    @property
    def _dimensionless(self) -> bool:
        parts = split_number(self.example)
        return parts is not None and not parts[1]

    @property
    def _sample(self) -> str | float:
        return float(self.example) if self._dimensionless else self.example

    def read(self, given: Any) -> Figure:
        """Turn what the file (or Python) gives into a figure.

        Raises:
            PydanticCustomError: the sentence's predicate, `must be …, not …; write …`.
        """
        origin: tuple[str | None, str | None]
        if isinstance(given, Figure):
            quantity, origin = given.value, (given.source, given.confidence)
            shown = quote(str(quantity))
        else:
            text = leaf_text(given)
            shown = quote(given)
            quantity = self._parse(text, shown)
            origin = provenance_of(given)
        self._check(quantity, shown)
        source, confidence = origin
        return Figure(quantity, source, confidence or "low")

    def _parse(self, text: str | None, shown: str) -> Quantity:
        try:
            if text is None:
                raise QuantityError
            quantity = Quantity.number(text) if self._dimensionless else Quantity.parse(text)
        except QuantityError:
            raise self._refuse(text or "", shown) from None
        if quantity.dimension != self._dimension:
            raise self._refuse(text or "", shown)
        return quantity

    @property
    def _dimension(self) -> Dimension:
        return NUMBER if self._dimensionless else Quantity.parse(self.example).dimension

    def _refuse(self, text: str, shown: str) -> PydanticCustomError:
        parts = split_number(text)
        if self._dimensionless:
            number = parts[0] if parts else self.example
            return refuse(f"must be a plain number, not {shown}; write it without a unit, such as {number}")
        what = describe(self._dimension)
        unit = what.split(" ", 1)[1]
        sample = f"{parts[0]} {self._likely_unit(parts[1])}" if parts else self.example
        if not _reads(sample):  # the number itself is at fault
            sample = self.example
        return refuse(f"must be {what}, not {shown}; write a unit of {unit} such as '{sample}'")

    def _likely_unit(self, unit: str) -> str:
        """The wanted unit with the prefix that was written, where one was: `aW` for an energy gives `aJ`."""
        parts = split_number(self.example)
        assert parts is not None
        wanted = split_prefix(parts[1])
        written = split_prefix(unit)
        return written[0] + wanted[1] if wanted and written else parts[1]

    def _check(self, quantity: Quantity, shown: str) -> None:
        what = describe(self._dimension)
        if quantity.dimension != self._dimension:
            raise refuse(f"must be {what}, not {shown}; write one such as {self._sample!r}")
        if self.bound == "positive" and quantity.value <= 0:
            raise refuse(f"must be {what} greater than zero, not {shown}; write one such as {self._sample!r}")
        if self.bound == "not negative" and quantity.value < 0:
            raise refuse(f"must be {what} of zero or more, not {shown}; write one such as {self._sample!r}")
        if self.whole is not None and (quantity.value / parse_unit(self.whole)[0]).denominator != 1:
            raise refuse(f"must be {what} in whole {self.whole}, not {shown}; write one such as {self._sample!r}")


def _reads(text: str) -> bool:
    try:
        Quantity.parse(text)
    except QuantityError:
        return False
    return True


Time = Annotated[Figure, Measure("5 ns")]
Gap = Annotated[Figure, Measure("1 ns", "not negative")]
Frequency = Annotated[Figure, Measure("200 MHz")]
Voltage = Annotated[Figure, Measure("1 V")]
Conductance = Annotated[Figure, Measure("1 uS")]
Energy = Annotated[Figure, Measure("1.7 pJ", "not negative")]
Power = Annotated[Figure, Measure("1 mW", "not negative")]
Area = Annotated[Figure, Measure("0.01 mm^2", "not negative")]
Length = Annotated[Figure, Measure("0.4 um")]
LineResistance = Annotated[Figure, Measure("0.3 ohm/um", "not negative")]
LineCapacitance = Annotated[Figure, Measure("0.2 fF/um")]
Bytes = Annotated[Figure, Measure("32 B", whole="B")]
Bandwidth = Annotated[Figure, Measure("32 GB/s")]
Bits = Annotated[Figure, Measure("64 bit", whole="bit")]
PositiveNumber = Annotated[Figure, Measure("12")]
Fraction01 = Annotated[Figure, Measure("0.06", "not negative")]
