import json

from ohmflow.targets.schema.export import json_schema


def test_schema_is_json_and_knows_every_section() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["required"] == ["name", "summary"]
    assert set(schema["properties"]) == {
        *("name", "summary", "extends", "abstract", "source", "confidence"),
        *("executes", "device", "tile", "chip", "inventory", "not_modelled", "validation"),
    }
    assert {"Pulse", "Adc", "VectorUnit", "Scratchpad", "Host"} <= set(schema["$defs"])


def test_every_section_is_closed_and_takes_a_source() -> None:
    schema = json_schema()
    for section in (schema, *schema["$defs"].values()):
        assert section["additionalProperties"] is False
        assert {"source", "confidence"} <= set(section["properties"])


def test_named_sections_take_a_source_for_all_of_them() -> None:
    schema = json_schema()
    for section in ("inventory", "validation"):
        assert set(schema["properties"][section]["properties"]) == {"source", "confidence"}
    parts = schema["$defs"]["Part"]["properties"]["parts"]
    assert parts["additionalProperties"] == {"$ref": "#/$defs/Part"}
    assert set(parts["properties"]) == {"source", "confidence"}


def test_a_published_value_may_be_of_any_dimension() -> None:
    row = json_schema()["$defs"]["Row"]["properties"]
    assert row["published"]["anyOf"][0] == {"type": ["string", "number"], "examples": ["5 ns"]}
    assert row["kind"]["enum"] == ["transcribed", "derived", "predicted"]


def test_a_number_may_be_plain_or_with_its_source() -> None:
    adc = json_schema()["$defs"]["Adc"]["properties"]
    plain, figure = adc["bits"]["anyOf"]
    assert plain == {"type": "integer", "minimum": 2, "maximum": 24}
    assert figure["required"] == ["value"]
    assert figure["properties"]["confidence"] == {"enum": ["high", "medium", "low"]}


def test_choices_are_enumerated() -> None:
    pulse = json_schema()["$defs"]["Pulse"]["properties"]
    assert pulse["scheme"]["enum"] == ["half-select", "full"]
