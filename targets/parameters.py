"""Checking `device.parameters` against the device model that `device.model` names."""

from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

from ohmflow.targets.device_models import DeviceModelError, parameters_of
from ohmflow.targets.yaml_marks import Entry, Scalar, Section, find


def read_parameters(root: Section) -> tuple[dict[str, float], list[str]]:
    """Check the parameters of a target's device.

    Args:
        root: a settled tree.

    Returns:
        The parameters as numbers, defaults included, and the problems found.
    """
    model = find(root, "device.model")
    if model is None or not isinstance(model.node, Scalar):
        return {}, []  # the schema reports that it is missing
    try:
        kind = parameters_of(model.node.text)
    except DeviceModelError as error:
        return {}, [f"{model.node.mark}: device.model {error}"]
    entry = find(root, "device.parameters")
    given = entry.node.entries if entry is not None and isinstance(entry.node, Section) else {}
    where = entry.key_mark if entry is not None else model.key_mark
    values: dict[str, float] = {}
    problems: list[str] = []
    for key, item in given.items():
        _read_one(key, item, kind, values, problems)
    if problems:
        return {}, problems
    try:
        checked = kind.model_validate(values)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            name = ".".join(str(part) for part in fault["loc"])
            mark = given[name].node.mark if name in given else where
            path = f"device.parameters.{name}" if name else "device.parameters"
            what = "must be given, not left out; add it" if fault["type"] == "missing" else _sentence(fault["msg"])
            problems.append(f"{mark}: {path} {what}")
        return {}, problems
    return {name: float(value) for name, value in checked.model_dump().items()}, []


def _read_one(key: str, item: Entry, kind: type[BaseModel], values: dict[str, float], problems: list[str]) -> None:
    path = f"device.parameters.{key}"
    if key not in kind.model_fields:
        near = get_close_matches(key, kind.model_fields, n=1)
        hint = f"write '{near[0]}'" if near else "remove it"
        problems.append(f"{item.key_mark}: {path} must be a parameter of the device model, not an unknown key; {hint}")
        return
    text = item.node.text if isinstance(item.node, Scalar) else None
    try:
        values[key] = float(text or "")
    except ValueError:
        shown = f"'{text}'" if text is not None else "a list or mapping"
        problems.append(f"{item.node.mark}: {path} must be a plain number, not {shown}; write one such as 0.1")


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text if text.startswith("must") else f"must satisfy its model: {text[:1].lower()}{text[1:]}; correct it"
