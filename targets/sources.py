"""From a file to one settled tree: reading, `extends:`, overrides."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from ohmflow.targets.catalogue import files
from ohmflow.targets.errors import TargetError
from ohmflow.targets.provenance import settle
from ohmflow.targets.text_file import read_text
from ohmflow.targets.yaml_marks import Entry, Mark, Node, Scalar, Section, find, merge, read_yaml

_OWN = ("extends", "abstract", "name", "summary", "validation")
"""Keys that a file does not hand on to those that extend it."""


@dataclass
class Resolved:
    """A file with all that it extends.

    Attributes:
        root: the joined tree, or None when the file itself could not be read.
        problems: what is wrong so far.
        complete: whether every base could be read.
        abstract: whether the file says that it is only a base.
    """

    root: Section | None
    problems: list[str] = field(default_factory=list)
    complete: bool = True
    abstract: bool = False


def is_path(name: str) -> bool:
    """Whether a name is meant as a path: it ends in .yaml or .yml, or holds a separator."""
    return name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name


def path_of(name: str, where: str, offered: Collection[str] = ()) -> Path:
    """The file of a known target.

    Args:
        name: as `available` lists it, or of an abstract base.
        where: place and key of the name, for the message.
        offered: names to offer when it is unknown; all known ones by default.

    Raises:
        TargetError: there is none of that name; the nearest is offered.
    """
    known = files()
    if name in known:
        return known[name]
    names = offered or known
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    do = f"did you mean '{near[0]}'?" if near else "or give the path of a .yaml file"
    raise TargetError([f"{where}must be one of {', '.join(names)}, not '{name}'; {do}"])


def resolve(path: Path, above: tuple[Path, ...] = ()) -> Resolved:
    """Read a file, settle where its numbers are from, and lay it on what it extends.

    Args:
        path: the file, as it is to be named in messages.
        above: files that led here, outermost first, to find cycles.
    """
    label = str(path)
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text in UTF-8"
        why = why[0].lower() + why[1:]
        return Resolved(None, [f"{label}: target must be a file that can be read, but {why}; check the path"], False)
    node, problems = read_yaml(text, label)
    if not isinstance(node, Section):
        if node is not None:
            problems.append(f"{node.mark}: target must be a mapping of sections, not {_kind(node)}; begin with 'name:'")
        return Resolved(None, problems, False)
    root, more = settle(node)
    result = Resolved(root, problems + more)
    result.abstract = _abstract(root, result.problems)
    if "extends" in root:
        _extend(result, root.entries["extends"], path, above)
    assert result.root is not None
    for key in ("extends", "abstract"):
        result.root.entries.pop(key, None)
    return result


def _kind(node: Node) -> str:
    return f"'{node.text}'" if isinstance(node, Scalar) else "a list"


def _abstract(root: Section, problems: list[str]) -> bool:
    if "abstract" not in root:
        return False
    node = root.entries["abstract"].node
    if isinstance(node, Scalar) and node.text in ("true", "false"):
        return node.text == "true"
    problems.append(f"{node.mark}: abstract must be true or false, not {_kind(node)}; write 'true' or 'false'")
    return False


def _extend(result: Resolved, entry: Entry, path: Path, above: tuple[Path, ...]) -> None:
    node, root = entry.node, result.root
    assert root is not None
    if not isinstance(node, Scalar):
        result.problems.append(f"{node.mark}: extends must be the name of one target, not {_kind(node)}; write a name")
        result.complete = False
        return
    try:
        base_path = path.parent / node.text if is_path(node.text) else path_of(node.text, f"{node.mark}: extends ")
    except TargetError as error:
        result.problems += error.problems
        result.complete = False
        return
    if base_path.suffix not in (".yaml", ".yml"):
        result.problems.append(f"{node.mark}: extends must name a .yaml file, not '{node.text}'; rename the file")
        result.complete = False
        return
    if not base_path.is_file():
        result.problems.append(
            f"{node.mark}: extends must name a file that is there, not '{node.text}'; check the path"
        )
        result.complete = False
        return
    chain = (*above, path)
    if base_path.resolve() in [p.resolve() for p in chain]:
        names = " -> ".join([*(p.name for p in chain), base_path.name])
        result.problems.append(f"{node.mark}: extends must not lead back to itself, as in {names}; remove one of them")
        result.complete = False
        return
    base = resolve(base_path, chain)
    result.problems += base.problems
    result.complete = base.complete
    if base.root is not None:
        handed_on = {key: e for key, e in base.root.entries.items() if key not in _OWN}
        result.root = merge(_without_foreign_parameters(Section(base.root.mark, handed_on), root), root)


def _without_foreign_parameters(base: Section, over: Section) -> Section:
    """Drop the base's device parameters when `over` names another device model, whose parameters are its own."""
    mine, theirs = find(over, "device.model"), find(base, "device.model")
    texts = [e.node.text if e is not None and isinstance(e.node, Scalar) else None for e in (mine, theirs)]
    device = base.entries.get("device")
    if texts[0] is None or texts[0] == texts[1] or device is None or not isinstance(device.node, Section):
        return base
    kept = {key: e for key, e in device.node.entries.items() if key != "parameters"}
    return Section(base.mark, {**base.entries, "device": Entry(device.key_mark, Section(device.node.mark, kept))})


def lay_overrides(root: Section, overrides: Mapping[str, str]) -> tuple[Section, list[str]]:
    """Lay `--set` options on a target, in their order.

    Args:
        root: the target's tree.
        overrides: YAML text by dotted path.
    """
    problems: list[str] = []
    for path, text in overrides.items():
        option = f"--set {path}={text}"
        mark = Mark(option)
        parts = path.split(".")
        if not all(parts):
            problems.append(
                f"{option}: path must be names with points between, not '{path}'; try tile.crossbar.rows=64"
            )
            continue
        node, more = read_yaml(text, option, at=mark) if text.strip() else (Scalar(mark, ""), [])
        problems += more
        if node is None:
            continue
        for part in reversed(parts):
            node = Section(mark, {part: Entry(mark, node)})
        assert isinstance(node, Section)
        settled, more = settle(node, source=option, confidence="low")
        problems += more
        root = merge(_without_foreign_parameters(root, settled), settled)
    return root, problems
