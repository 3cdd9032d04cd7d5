"""JSON schema of a target file, for editors."""

from typing import Any

from ohmflow.targets.schema.target import Target

_PROVENANCE: dict[str, Any] = {"source": {"type": "string"}, "confidence": {"enum": ["high", "medium", "low"]}}


def json_schema() -> dict[str, Any]:
    """The schema of a target file, draft 2020-12.

    It says what a single file may hold. With `extends:` a file may leave out what its base gives, so nothing but
    `name` and `summary` is required; that everything is there is checked when the target is loaded.
    """
    schema = Target.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        section.pop("required", None)
        section["properties"] |= _PROVENANCE
    for mapping in ("inventory", "validation"):
        schema["properties"][mapping]["properties"] = dict(_PROVENANCE)
    schema["$defs"]["Part"]["properties"]["parts"]["properties"] = dict(_PROVENANCE)
    parameters = schema["$defs"]["Device"]["properties"]["parameters"]
    parameters.pop("additionalProperties", None)
    schema["properties"] |= {"extends": {"type": "string"}, "abstract": {"type": "boolean"}}
    schema["required"] = ["name", "summary"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema
