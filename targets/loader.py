"""From one settled tree to a `Target`: the schema, the device model's parameters, the checks across keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from ohmflow.targets.checks import check
from ohmflow.targets.device_models import DeviceModelError, parameters_of
from ohmflow.targets.errors import TargetError
from ohmflow.targets.quantity import Quantity, split_number
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.target import Origin, Target
from ohmflow.targets.sentences import sentences, value_mark
from ohmflow.targets.sources import lay_overrides, resolve
from ohmflow.targets.view import View
from ohmflow.targets.yaml_marks import Listing, Node, Scalar, Section, find, leaves

_PARAMETERS = "device.parameters"


def load_file(path: Path, overrides: Mapping[str, str] | None = None, name: str | None = None) -> Target:
    """Load one target file.

    Args:
        path: the file, as it is to be named in messages.
        overrides: YAML text by dotted path.
        name: what the file must call its target; None lets it choose.

    Raises:
        TargetError: with every mistake.
    """
    resolved = resolve(path)
    problems = list(resolved.problems)
    if resolved.root is None:
        raise TargetError(problems)
    if resolved.abstract:
        do = f"write a target with 'extends: {path.stem}'"
        problems.append(f"{path}: target must be a whole one, not abstract, since it is only a base of others; {do}")
        raise TargetError(problems)
    root, more = lay_overrides(resolved.root, overrides or {})
    problems += more
    target, more = _validate(root, resolved.complete)
    problems += more
    if (
        name is not None
        and (entry := find(root, "name"))
        and isinstance(entry.node, Scalar)
        and entry.node.text != name
    ):
        problems.append(
            f"{entry.node.mark}: name must be '{name}' like the file's, not '{entry.node.text}'; rename one"
        )
    if problems or target is None:
        raise TargetError(_once(problems))
    target._path = path
    target._origins.update(_origins(root))
    return target


def _once(problems: list[str]) -> list[str]:
    return list(dict.fromkeys(problems))


def _validate(root: Section, complete: bool) -> tuple[Target | None, list[str]]:
    problems: list[str] = []
    data = _data(root)
    assert isinstance(data, dict)
    if isinstance(data.get("device"), dict):
        data["device"]["parameters"], problems = _parameters(root)
    target = None
    meant: set[str] = set()
    try:
        target = Target.model_validate(data)
    except ValidationError as error:
        said, meant = sentences(error, Target, root, skip_missing=not complete)
        problems += said
    if complete:
        faults = [fault for fault in check(_view(root, target)) if not meant.intersection(fault.absent)]
        problems += [f"{value_mark(root, fault.path)}: {fault.text}" for fault in faults]
    return target, problems


def _data(node: Node) -> Any:
    """The tree as pydantic takes it: dictionaries, and leaves with their marks; null is absent."""
    if isinstance(node, Section):
        return {key: _data(entry.node) for key, entry in node.entries.items() if key in node}
    return node


def _parameters(root: Section) -> tuple[dict[str, Any], list[str]]:
    """Validate `device.parameters` against the class that the device model declares."""
    model = find(root, "device.model")
    if model is None or not isinstance(model.node, Scalar):
        return {}, []
    try:
        declared = parameters_of(model.node.text)
    except DeviceModelError as error:
        return {}, [f"{model.node.mark}: device.model {error}"]
    entry = find(root, _PARAMETERS)
    if entry is not None and not isinstance(entry.node, Section):
        return {}, [f"{entry.node.mark}: {_PARAMETERS} must be a section of numbers; write 'parameters: {{…}}'"]
    section = entry.node if entry is not None and isinstance(entry.node, Section) else Section(root.mark)
    present = {key: e.node for key, e in section.entries.items() if key in section}
    given = {
        key: _structure(node) if _takes_structure(declared, key) else _parameter(node) for key, node in present.items()
    }
    # What a parameter says of a file is relative to the file that says it.
    folders = {key: Path(node.mark.label).parent for key, node in present.items() if node.mark.line}
    try:
        instance = declared.model_validate(given, context={"folders": folders})
    except ValidationError as error:
        return {}, sentences(error, declared, root, _PARAMETERS)[0]
    return _plain(instance, root)


def _parameter(node: Node) -> object:
    """A number as a float, anything else as its text, for the device model to judge."""
    if isinstance(node, Scalar):
        parts = split_number(node.text)
        return float(parts[0]) if parts and not parts[1] else node.text
    return "a list" if isinstance(node, Listing) else "a mapping"


def _takes_structure(declared: type[BaseModel], key: str) -> bool:
    """Whether a parameter may be a list, a mapping or the path of a file."""
    field = declared.model_fields.get(key)
    return field is not None and (
        get_origin(field.annotation) is tuple
        or (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    )


def _structure(node: Node) -> object:
    """Numbers, lists and mappings of them; other text as it is."""
    if isinstance(node, Listing):
        return [_structure(item) for item in node.items]
    if isinstance(node, Section):
        return {key: _structure(entry.node) for key, entry in node.entries.items() if key in node}
    return _parameter(node)


def _plain(instance: BaseModel, root: Section) -> tuple[dict[str, Any], list[str]]:
    """Values of the parameters: numbers as floats, tables as tuples and dictionaries.

    What is 0, or false, unless the file says otherwise, and the file says nothing, is left out: a target holds no
    number that nobody stated.
    """
    values: dict[str, Any] = {}
    problems = []
    for key in type(instance).model_fields:
        value = getattr(instance, key)
        if key not in instance.model_fields_set and value in (0.0, None):
            continue
        if isinstance(value, Quantity | Figure):
            values[key] = value.si
        elif isinstance(value, int | float):
            values[key] = float(value)
        elif isinstance(value, BaseModel):
            values[key] = value.model_dump()
        elif isinstance(value, tuple):
            values[key] = value
        else:
            path = f"{_PARAMETERS}.{key}"
            problems.append(
                f"{value_mark(root, path)}: {path} must be a number or a table, not '{value}'; "
                "mend the device model's `Parameters`"
            )
    return values, problems


def _view(root: Section, target: Target | None) -> View:
    def given(path: str) -> bool:
        return find(root, path) is not None

    def value(path: str) -> Any:
        return _get(target, path) if target is not None else _lone(root, path)

    def section(path: str) -> bool:
        entry = find(root, path)
        return entry is not None and isinstance(entry.node, Section)

    return View(value, given, section)


def _get(target: Target, path: str) -> Any:
    value: Any = target
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


def _lone(root: Section, path: str) -> Any:
    """One value of a target of which something else is wrong; None when it is absent or itself wrong."""
    entry = find(root, path)
    if entry is None:
        return None
    model: Any = Target
    *sections, leaf = path.split(".")
    for part in sections:
        section = model.model_fields[part].annotation
        options = (section, *getattr(section, "__args__", ()))
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    field = model.model_fields[leaf]
    annotation: Any = field.annotation
    for metadata in field.metadata:
        annotation = Annotated[annotation, metadata]
    try:
        return TypeAdapter(annotation).validate_python(_data(entry.node))
    except ValidationError:
        return None


def _origins(root: Section) -> dict[str, Origin]:
    """Every number that is stated, with its provenance, in the order of the file."""
    return {
        path: Origin(_text(leaf), leaf.source, leaf.confidence or "low")
        for path, leaf in leaves(root)
        if _is_number(path, leaf)
    }


def _is_number(path: str, leaf: Scalar | Listing) -> bool:
    if isinstance(leaf, Listing):
        return path == "chip.host.node"
    return path.split(".")[0] not in ("name", "summary", "validation") and split_number(leaf.text) is not None


def _text(leaf: Scalar | Listing) -> str:
    if isinstance(leaf, Scalar):
        return leaf.text
    return "[" + ", ".join(_text(item) for item in leaf.items if not isinstance(item, Section)) + "]"
