"""Pydantic's errors as sentences with the place in the file."""

from difflib import get_close_matches
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ohmflow.targets.schema.leaves import quote
from ohmflow.targets.yaml_marks import Mark, Section, find, nearest_mark


def sentences(
    error: ValidationError, model: type[BaseModel], root: Section, prefix: str = "", skip_missing: bool = False
) -> tuple[list[str], set[str]]:
    """Say what is wrong, one sentence for each error.

    Args:
        error: of validating `model`.
        model: the class whose fields are the keys at `prefix`.
        root: the tree that was validated, for the marks.
        prefix: dotted path of `model` in the tree.
        skip_missing: leave out what is missing, because a base that may hold it could not be read.

    Returns:
        The sentences, and the paths that misspelt keys were meant for: those are not missing.
    """
    details = [
        (".".join(part for part in (prefix, *(str(p) for p in detail["loc"])) if part), detail)
        for detail in error.errors(include_url=False, include_context=True)
    ]
    meant = {_meant(path, detail, model) for path, detail in details if detail["type"] == "extra_forbidden"}
    said = [
        _sentence(detail, path, model, root, prefix)
        for path, detail in details
        if detail["type"] != "missing" or not (skip_missing or path in meant)
    ]
    return said, meant


def _meant(path: str, detail: ErrorDetails, model: type[BaseModel]) -> str:
    """The path that an unknown key was probably meant for, or the path itself."""
    near = _nearest_key(path, detail, model)
    section = path.rpartition(".")[0]
    return path if near is None else f"{section}.{near}" if section else near


def _nearest_key(path: str, detail: ErrorDetails, model: type[BaseModel]) -> str | None:
    near = get_close_matches(path.rpartition(".")[2], _known_keys(detail, model), n=1, cutoff=0.6)
    return near[0] if near else None


def _known_keys(detail: ErrorDetails, model: type[BaseModel]) -> list[str]:
    owner = _model_at(model, detail["loc"][:-1])
    return sorted(owner.model_fields) if owner is not None else []


def _sentence(detail: ErrorDetails, path: str, model: type[BaseModel], root: Section, prefix: str) -> str:
    section = path.rpartition(".")[0]
    key = path.rpartition(".")[2]
    match detail["type"]:
        case "missing":
            where = f"{section}.{key}" if section else key
            return (
                f"{nearest_mark(root, path)}: {where} must be given, not left out; {_how_to_give(detail, model, key)}"
            )
        case "extra_forbidden":
            return f"{nearest_mark(root, path)}: {_unknown(path, section, key, detail, model)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            given = detail["input"]
            return (
                f"{value_mark(root, path)}: {path} must be a section of keys, not {quote(given)}; write '{key}: {{…}}'"
            )
        case "target":
            return f"{value_mark(root, path)}: {path} {detail['msg']}"
        case _:
            where = path if detail["loc"] else prefix
            return f"{value_mark(root, where)}: {where} {_generic(detail, root, where)}"


def value_mark(root: Section, path: str) -> Mark:
    """Where the value at a path stands; its nearest enclosing key when it has no entry."""
    entry = find(root, path)
    if entry is None or isinstance(entry.node, Section):
        return nearest_mark(root, path)
    return entry.node.mark


def _how_to_give(detail: ErrorDetails, model: type[BaseModel], key: str) -> str:
    owner = _model_at(model, detail["loc"][:-1])
    sample = ""
    if owner is not None:
        field = owner.model_json_schema()["properties"].get(key, {})
        sample = _sample(field)
    return f"add '{key}: {sample}'" if sample else f"add '{key}:'"


def _sample(field: dict[str, Any]) -> str:
    field = field.get("anyOf", [field])[0]
    if field.get("examples"):
        return str(field["examples"][0])
    if field.get("enum"):
        return str(field["enum"][0])
    match field.get("type"):
        case "integer":
            return str(max(int(field.get("minimum", 1)), 1))
        case "boolean":
            return "true"
        case "array":
            return "[0, 0]"
        case "string" if "x×" in field.get("pattern", ""):
            return "16 x 16"
        case "string":
            return "…"
        case "object":
            return "{…}"
        case _:
            return "{…}" if "$ref" in field else ""


def _unknown(path: str, section: str, key: str, detail: ErrorDetails, model: type[BaseModel]) -> str:
    near = _nearest_key(path, detail, model)
    where = section or "the target"
    do = f"write '{near}'" if near else f"remove it; known are {', '.join(_known_keys(detail, model))}"
    return f"{path} must be a key that {where} knows, not '{key}'; {do}"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model class of a section, walking down the fields' annotations."""
    current: type[BaseModel] | None = model
    named = False  # the next part is a name that the file chooses
    for part in loc:
        if named:
            named = False
            continue
        field = current.model_fields.get(str(part)) if current is not None else None
        current = _model_class(field.annotation) if field is not None else None
        named = field is not None and current is not None and get_origin(field.annotation) is dict
    return None if named else current


def _model_class(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _generic(detail: ErrorDetails, root: Section, path: str) -> str:
    """Pydantic's own words, from a device model's parameters, in our form."""
    text = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    entry = find(root, path)
    shown = quote(entry.node if entry is not None and not isinstance(entry.node, Section) else detail["input"])
    if text.startswith("Input should be "):
        wanted = text.removeprefix("Input should be ").split(", unable")[0]
        return f"must be {wanted}, not {shown}; write such a value"
    return f"must be sound: {text}"
