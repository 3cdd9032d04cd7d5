"""Targets by name or path: `load`, `available`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ohmflow.targets.catalogue import files
from ohmflow.targets.loader import load_file
from ohmflow.targets.schema.target import Target
from ohmflow.targets.sources import is_path, path_of
from ohmflow.targets.yaml_marks import Node, Scalar, Section, find, read_yaml


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A target that can be loaded by name.

    Attributes:
        name: what to load it by.
        summary: one line.
        path: its file.
        family: summary of the base that it extends, where others extend that base too; else empty.
    """

    name: str
    summary: str
    path: Path
    family: str = ""


_FAMILY = 4
"""Targets that extend one base and are listed together."""


def load(name_or_path: str | Path, overrides: Mapping[str, str] | None = None) -> Target:
    """Load a target, with all checks.

    Args:
        name_or_path: a name that `available` lists, or a YAML file (a `Path`, or text that ends in .yaml or has a /).
        overrides: YAML text by dotted path, such as {"tile.crossbar.rows": "64"}; null removes a value.

    Raises:
        TargetError: the target is unknown or wrong; every mistake is in `.problems`.
    """
    if isinstance(name_or_path, Path) or is_path(name_or_path):
        return load_file(Path(name_or_path), overrides)
    known = files()
    offered = () if name_or_path in known else tuple(info.name for info in available())
    return load_file(path_of(name_or_path, "target: ", offered), overrides, name=name_or_path)


def available() -> list[TargetInfo]:
    """All targets that can be loaded by name, sorted; abstract bases are left out.

    Raises:
        TargetError: two targets have the same name.
    """
    known = files()
    nodes = {name: read_yaml(path.read_text(encoding="utf-8"), str(path))[0] for name, path in known.items()}
    bases = {name: _text(node, "extends") for name, node in nodes.items()}
    heirs = Counter(bases.values())
    families = {
        name: _text(nodes[base], "summary") for name, base in bases.items() if base in nodes and heirs[base] >= _FAMILY
    }
    return [
        TargetInfo(name, _text(node, "summary"), known[name], families.get(name, ""))
        for name, node in nodes.items()
        if _text(node, "abstract") != "true"
    ]


def _text(node: Node | None, key: str) -> str:
    """The text of a key; empty when it is absent or the file is broken, which `load` will say."""
    entry = find(node, key) if isinstance(node, Section) else None
    return entry.node.text if entry and isinstance(entry.node, Scalar) else ""
