import json

from ohmflow.targets.schema.export import json_schema


def test_schema_is_json_and_knows_every_section() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["required"] == ["name", "summary"]
    assert set(schema["properties"]) == {
        *("name", "summary", "extends", "abstract", "source", "confidence"),
        *("device", "tile", "chip", "not_modelled"),
    }
    assert {"Pulse", "Adc", "VectorUnit", "Scratchpad", "Host"} <= set(schema["$defs"])


def test_every_section_is_closed_and_takes_a_source() -> None:
    schema = json_schema()
    for section in (schema, *schema["$defs"].values()):
        assert section["additionalProperties"] is False
        assert {"source", "confidence"} <= set(section["properties"])


def test_a_number_may_be_plain_or_with_its_source() -> None:
    adc = json_schema()["$defs"]["Adc"]["properties"]
    plain, figure = adc["bits"]["anyOf"]
    assert plain == {"type": "integer", "minimum": 2, "maximum": 24}
    assert figure["required"] == ["value"]
    assert figure["properties"]["confidence"] == {"enum": ["high", "medium", "low"]}


def test_choices_are_enumerated() -> None:
    pulse = json_schema()["$defs"]["Pulse"]["properties"]
    assert pulse["scheme"]["enum"] == ["half-select", "full"]
