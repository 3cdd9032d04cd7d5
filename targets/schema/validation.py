"""`validation:` published quantities, and with what of the model each is compared."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity, split_number
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.leaves import Choice, Text, leaf_text, provenance_of, quote, refuse, with_provenance
from ohmflow.targets.schema.model import SectionModel


@dataclass(frozen=True, slots=True)
class Published(Figure):
    """A figure of any dimension, as written.

    Attributes:
        text: the number and the unit in which it is published.
    """

    text: str = ""

    @property
    def unit(self) -> str:
        """The unit as written; empty for a plain number."""
        parts = split_number(self.text)
        assert parts is not None, "it was parsed"
        return parts[1]

    @property
    def digits(self) -> str:
        """The number as written."""
        parts = split_number(self.text)
        assert parts is not None, "it was parsed"
        return parts[0]


class AnyQuantity:
    """Pydantic metadata: a quantity of any dimension, or a plain number."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as text with a unit or a number, or a mapping with source and confidence."""
        del schema, handler
        return with_provenance({"type": ["string", "number"], "examples": ["5 ns"]})

    def read(self, given: Any) -> Published:
        """Turn what the file (or Python) gives into a published figure."""
        if isinstance(given, Published):
            return given
        text = leaf_text(given)
        source, confidence = provenance_of(given)
        try:
            if text is None:
                raise QuantityError
            parts = split_number(text)
            value = Quantity.number(text) if parts and not parts[1] else Quantity.parse(text)
        except QuantityError:
            do = "write one such as '5 ns', '84 Top/s/W' or 1200"
            raise refuse(f"must be a quantity or a plain number, not {quote(given)}; {do}") from None
        return Published(value, source, confidence or "low", text)


class Row(SectionModel):
    """`validation.NAME:` one published quantity.

    Attributes:
        quantity: what it is, in a few words.
        published: its published value, with source and confidence.
        model: what of the model it is compared with: a figure's path, a path in the inventory, or a named quantity of
            `ohmflow.targets.model_quantities`.
        kind: `transcribed`: the file states it; `derived`: arithmetic on figures of the same publication; `predicted`:
            a model's answer from figures that are independent of it. Only the last is validation.
        note: what a reader of the comparison must know.
    """

    quantity: Text
    published: Annotated[Published, AnyQuantity()]
    model: Text
    kind: Annotated[Literal["transcribed", "derived", "predicted"], Choice()]
    note: Text | None = None
