"""YAML as a tree in which every key and value knows where it was written.

PyYAML's composer gives nodes with marks; from them this module builds sections, lists and scalars. A scalar stays text:
what it means is decided by the schema (so `1e-3` is a number and `yes` is not a truth value). Duplicate keys, keys that
are no text, recursive aliases and files that are no mapping are problems, collected, not raised.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
_MAX_NODES = 20_000  # aliases of aliases multiply; no target comes near
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, or a `--set` option.

    Attributes:
        label: the file as the user named it, or the option.
        line: from 1; 0 when the label says all.
        column: from 1.
    """

    label: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column`, as editors and terminals read it."""
        return f"{self.label}:{self.line}:{self.column}" if self.line else self.label


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as text.

    Attributes:
        mark: where it stands.
        text: as written, without quotes.
        plain: not quoted.
        source: what its number is taken from, once `provenance.settle` has found it.
        confidence: high, medium or low, likewise.
    """

    mark: Mark
    text: str
    plain: bool = True
    source: str | None = None
    confidence: str | None = None

    @property
    def is_null(self) -> bool:
        """Whether it says that there is no value."""
        return self.plain and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, with the provenance of its numbers."""

    mark: Mark
    items: tuple["Node", ...]
    source: str | None = None
    confidence: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping: where it begins, and its entries in order."""

    mark: Mark
    entries: dict[str, "Entry"] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        """Whether the key is there with a value other than null."""
        entry = self.entries.get(key)
        return entry is not None and not (isinstance(entry.node, Scalar) and entry.node.is_null)


Node = Scalar | Listing | Section


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    key_mark: Mark
    node: Node


def read_yaml(text: str, label: str, at: Mark | None = None) -> tuple[Node | None, list[str]]:
    """Compose YAML text.

    Args:
        text: one document.
        label: the file's name for messages.
        at: when given, every mark is this one (a `--set` option has no lines).

    Returns:
        The tree, or None when there is none, and the problems found.
    """
    try:
        if deep := _too_deep(text):
            where = at or Mark(label, *deep)
            return None, [f"{where}: nesting must be at most {_MAX_DEPTH} deep; a target needs far less"]
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        return None, [_not_yaml(error, label, at)]
    if root is None:
        return None, [f"{at or label}: document must be a mapping of sections, not empty; begin with 'name:'"]
    builder = _Builder(label, at)
    node = builder.build(root)
    return node, builder.problems


def _too_deep(text: str) -> tuple[int, int] | None:
    """Line and column where lists and mappings are too deep in each other: to compose them overflows the C stack."""
    try:
        return _first_too_deep(text, _LOADER)
    except yaml.YAMLError as error:
        if "nesting" not in (getattr(error, "problem", None) or ""):
            raise
        # libyaml reads ahead and has a limit of its own; the parser in Python tells where ours was passed.
        return _first_too_deep(text, yaml.SafeLoader)


def _first_too_deep(text: str, loader: Any) -> tuple[int, int] | None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                assert event.start_mark is not None, "the parser marks every event"
                return event.start_mark.line + 1, event.start_mark.column + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _not_yaml(error: yaml.YAMLError, label: str, at: Mark | None) -> str:
    mark = getattr(error, "problem_mark", None)
    where = at or (Mark(label, mark.line + 1, mark.column + 1) if mark else Mark(label))
    what = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{where}: text must be YAML, but {what}; mend it, or put the value in quotes"


class _Builder:
    """Builds the tree of one document and collects its problems."""

    def __init__(self, label: str, at: Mark | None) -> None:
        self.label = label
        self.at = at
        self.problems: list[str] = []
        self.open: set[int] = set()
        self.count = 0

    def mark(self, node: yaml.Node) -> Mark:
        return self.at or Mark(self.label, node.start_mark.line + 1, node.start_mark.column + 1)

    def build(self, node: yaml.Node) -> Node:
        mark = self.mark(node)
        self.count += 1
        if isinstance(node, yaml.ScalarNode):
            # The C parser gives a plain scalar the style '', the Python one None.
            return Scalar(mark, node.value, plain=not node.style)
        if fault := self._endless(node):
            self.problems.append(f"{mark}: {fault}")
            return Scalar(mark, "")
        self.open.add(id(node))
        built = self._listing(node, mark) if isinstance(node, yaml.SequenceNode) else self._section(node, mark)
        self.open.remove(id(node))
        return built

    def _endless(self, node: yaml.Node) -> str | None:
        """What is wrong with a node that could keep us for ever."""
        if id(node) in self.open:
            return "alias must not contain itself; write the values out"
        if len(self.open) > _MAX_DEPTH:
            return f"nesting must be at most {_MAX_DEPTH} deep; a target needs far less"
        if self.count > _MAX_NODES:
            return f"aliases must not unfold to more than {_MAX_NODES} values; write the values out"
        return None

    def _listing(self, node: yaml.SequenceNode, mark: Mark) -> Listing:
        return Listing(mark, tuple(self.build(item) for item in node.value))

    def _section(self, node: yaml.Node, mark: Mark) -> Section:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            key_mark = self.mark(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(f"{key_mark}: key must be a word, not a list or mapping; write 'key: value'")
                continue
            if key.value in entries:
                first = entries[key.value].key_mark
                line = f"line {first.line}" if first.line else "before"
                self.problems.append(
                    f"{key_mark}: key '{key.value}' must be given once, not again after {line}; remove one of the two"
                )
                continue
            entries[key.value] = Entry(key_mark, self.build(value))
        return Section(mark, entries)


def merge(base: Section, over: Section) -> Section:
    """Lay `over` on `base`: sections join key by key, everything else is replaced; null takes a base's key away."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below and isinstance(below.node, Section) and isinstance(entry.node, Section):
            entries[key] = replace(entry, node=merge(below.node, entry.node))
        else:
            entries[key] = entry
    return Section(over.mark, entries)


def find(root: Section, path: str) -> Entry | None:
    """The entry at a dotted path, or None when there is none (or null)."""
    node: Node = root
    entry: Entry | None = None
    for part in path.split("."):
        if not isinstance(node, Section) or part not in node:
            return None
        entry = node.entries[part]
        node = entry.node
    return entry


def nearest_mark(root: Section, path: str) -> Mark:
    """The key of the deepest part of a dotted path that is there; the document's start when none is."""
    node: Node = root
    mark = root.mark
    for part in path.split("."):
        if not isinstance(node, Section) or part not in node.entries:
            break
        mark, node = node.entries[part].key_mark, node.entries[part].node
    return mark


def leaves(node: Node, path: str = "") -> Iterator[tuple[str, Scalar | Listing]]:
    """All scalars and lists that are not null, with their dotted paths, in order of the file."""
    if not isinstance(node, Section):
        yield path, node
        return
    for key in node.entries:
        if key in node:
            yield from leaves(node.entries[key].node, f"{path}.{key}" if path else key)
