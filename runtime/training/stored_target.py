"""A target as one file in a run folder, so that a run can be resumed when the file it came from has changed."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from ohmflow.runtime.training.atomic import replace_text
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.target import Target


def store_target(target: Target, file: Path) -> bool:
    """Write a target with all it extends and overrides.

    Args:
        target: what `ohmflow.targets.registry.load` gave.
        file: where to write it.

    Returns:
        Whether the file is the same target; one that was made by hand, without texts of its numbers, is not written.

    Raises:
        OSError: the file can not be written.
    """
    replace_text(file, yaml.safe_dump(_section(target, target, ""), sort_keys=False, allow_unicode=True, width=120))
    try:
        same = load(file).content_hash == target.content_hash
    except TargetError:
        same = False
    if not same:
        file.unlink()
    return same


def _section(target: Target, section: BaseModel, path: str) -> dict[str, Any]:
    """What the file says of a section; numbers that no file states are defaults, and are left to be that again."""
    found: dict[str, Any] = {}
    for name in type(section).model_fields:
        value, here = getattr(section, name), f"{path}.{name}" if path else name
        if isinstance(value, BaseModel) and not isinstance(value, Figure):
            found[name] = _section(target, value, here)
        elif isinstance(value, dict):
            found[name] = {key: _number(target, f"{here}.{key}") for key in value if f"{here}.{key}" in target.origins}
        elif here in target.origins:
            found[name] = _number(target, here)
        elif isinstance(value, bool | str):
            found[name] = value
        elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            found[name] = list(value)
    return found


def _number(target: Target, path: str) -> Any:
    origin = target.origins[path]
    value = yaml.safe_load(origin.text) if origin.text.startswith("[") else origin.text
    source = {} if origin.source is None else {"source": origin.source}
    return {"value": value, **source, "confidence": origin.confidence}
