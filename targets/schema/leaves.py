"""Leaves that are no quantity: whole numbers, choices, truth values, text, pairs.

Each is pydantic metadata that takes a scalar of the file (or the plain Python value) and refuses anything else with the
predicate of a sentence: `must be …, not …; write …`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from ohmflow.targets.yaml_marks import Listing, Scalar

_WHOLE = re.compile(r"[+-]?\d{1,12}")
_MESH = re.compile(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*")


def leaf_text(given: Any) -> str | None:
    """The text of a scalar or plain Python value; None for what is no single value."""
    match given:
        case Scalar():
            return None if given.is_null else given.text
        case bool():
            return str(given).lower()
        case str() | int() | float():
            return str(given)
        case Mapping() if "value" in given:
            return leaf_text(given["value"])
        case _:
            return None


def provenance_of(given: Any) -> tuple[str | None, str | None]:
    """Source and confidence that come with a value, where they do."""
    match given:
        case Scalar() | Listing():
            return given.source, given.confidence
        case Mapping():
            return given.get("source"), given.get("confidence")
        case _:
            return None, None


def quote(given: Any) -> str:
    """A value for a message: text in quotes, else what kind of thing it is."""
    match given:
        case Scalar() if given.is_null:
            return "empty"
        case Scalar():
            return f"'{given.text}'"
        case Listing() | list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping without 'value:'"
        case bool():
            return f"'{str(given).lower()}'"
        case _:
            return f"'{given}'"


def refuse(text: str) -> PydanticCustomError:
    """A fault whose text goes after the path of what is at fault."""
    return PydanticCustomError("target", "{text}", {"text": text})


def with_provenance(schema: JsonSchemaValue) -> JsonSchemaValue:
    """JSON schema of a number: itself, or a mapping with its source and confidence."""
    figure = {
        "type": "object",
        "properties": {
            "value": schema,
            "source": {"type": "string"},
            "confidence": {"enum": ["high", "medium", "low"]},
        },
        "required": ["value"],
        "additionalProperties": False,
    }
    return {"anyOf": [schema, figure]}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int = 0
    high: int = 1_000_000_000

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(int)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as a bounded integer, or a mapping with source and confidence."""
        del schema, handler
        return with_provenance({"type": "integer", "minimum": self.low, "maximum": self.high})

    def read(self, given: Any) -> int:
        """Turn a scalar into an integer."""
        text = leaf_text(given)
        if text is not None and _WHOLE.fullmatch(text) and self.low <= int(text) <= self.high:
            return int(text)
        span = f"from {self.low} to {self.high}" if self.high < 1_000_000_000 else f"of at least {self.low}"
        raise refuse(f"must be a whole number {span}, not {quote(given)}; write one such as {max(self.low, 1)}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the words of the annotated `Literal`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate that the text is one of the literal's words."""
        del handler
        words = [str(word) for word in get_args(source)]

        def read(given: Any) -> str:
            text = leaf_text(given)
            if text in words:
                return text
            near = get_close_matches(text or "", words, n=1, cutoff=0.4)
            known = " or ".join(words) if len(words) < 3 else ", ".join(words)
            raise refuse(f"must be {known}, not {quote(given)}; write '{near[0] if near else words[0]}'")

        return core_schema.no_info_plain_validator_function(
            read,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
            metadata={"pydantic_js_functions": [lambda _schema, _handler: {"enum": words}]},
        )


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(bool)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as a boolean."""
        del schema, handler
        return {"type": "boolean"}

    def read(self, given: Any) -> bool:
        """Turn a scalar into a truth value."""
        text = leaf_text(given)
        if text in ("true", "false"):
            return text == "true"
        raise refuse(f"must be true or false, not {quote(given)}; write 'true' or 'false'")


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is not empty."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as a string."""
        del schema, handler
        return {"type": "string", "minLength": 1}

    def read(self, given: Any) -> str:
        """Take a scalar's text."""
        text = leaf_text(given) if isinstance(given, Scalar | str) else None
        if text:
            return text
        raise refuse(f"must be text, not {quote(given)}; write a word or a sentence")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two whole numbers: a size `16 x 16`, or a place `[0, 0]`."""

    size: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate with `read`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(list)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as text `X x Y` or as a list of two."""
        del schema, handler
        if self.size:
            return with_provenance({"type": "string", "pattern": r"^\s*\d+\s*[x×]\s*\d+\s*$"})
        place = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
        return with_provenance(place)

    def read(self, given: Any) -> tuple[int, int]:
        """Turn text `16 x 16` or a list of two into a pair."""
        return self._size(given) if self.size else self._place(given)

    def _size(self, given: Any) -> tuple[int, int]:
        text = leaf_text(given)
        if match := _MESH.fullmatch(text or ""):
            columns, rows = int(match[1]), int(match[2])
            if columns and rows:
                return columns, rows
        if isinstance(given, tuple) and len(given) == 2 and all(isinstance(n, int) and n > 0 for n in given):
            return int(given[0]), int(given[1])
        raise refuse(f"must be 'columns x rows', both at least 1, not {quote(given)}; write it as in '16 x 16'")

    def _place(self, given: Any) -> tuple[int, int]:
        inner = given["value"] if isinstance(given, Mapping) and "value" in given else given
        items = inner.items if isinstance(inner, Listing) else inner
        texts = [leaf_text(item) or "" for item in items] if isinstance(items, list | tuple) else []
        if len(texts) == 2 and all(re.fullmatch(r"\d{1,5}", text) for text in texts):
            return int(texts[0]), int(texts[1])
        raise refuse(f"must be a place [x, y] on the mesh, not {quote(given)}; write it as in [0, 0]")


Bool = Annotated[bool, Flag()]
Text = Annotated[str, Words()]
Count = Annotated[int, Whole(1)]
Cycles = Annotated[int, Whole(0)]
BusyCycles = Annotated[int, Whole(1)]
MeshSize = Annotated[tuple[int, int], Pair(size=True)]
Place = Annotated[tuple[int, int], Pair(size=False)]
