"""Where numbers come from: `source:` and `confidence:` carried down to every leaf of one file.

A figure is a scalar, or `{value:, source:, confidence:}`. `source:` and `confidence:` in a section are the default for
all that it holds. This is settled file by file, before `extends:` joins files, so that a value never inherits the
source of another file.
"""

from dataclasses import replace
from difflib import get_close_matches

from ohmflow.targets.yaml_marks import Entry, Listing, Node, Scalar, Section

CONFIDENCES = ("high", "medium", "low")
_KEYS = ("value", "source", "confidence")
_FREE_NAMES = "device.parameters"
"""Here keys are named by a device model, which may well call one of them `value`."""


def settle(root: Section, source: str | None = None, confidence: str | None = None) -> tuple[Section, list[str]]:
    """Give every leaf its source and confidence, and collapse figures to their values.

    Args:
        root: one file's tree.
        source: default for the whole file.
        confidence: likewise.

    Returns:
        The tree without `source`, `confidence` and `{value: …}`, and the problems found.
    """
    problems: list[str] = []
    settled = _section(root, "", source, confidence, problems)
    return settled, problems


def _section(section: Section, path: str, source: str | None, confidence: str | None, problems: list[str]) -> Section:
    source, confidence = _own(section, path, source, confidence, problems)
    entries = {
        key: Entry(entry.key_mark, _node(entry.node, f"{path}.{key}" if path else key, source, confidence, problems))
        for key, entry in section.entries.items()
        if key not in ("source", "confidence")
    }
    return Section(section.mark, entries)


def _node(node: Node, path: str, source: str | None, confidence: str | None, problems: list[str]) -> Node:
    if not isinstance(node, Section):
        return replace(node, source=source, confidence=confidence)
    if "value" not in node.entries or path == _FREE_NAMES:
        return _section(node, path, source, confidence, problems)
    source, confidence = _own(node, path, source, confidence, problems)
    for key, entry in node.entries.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"write '{near[0]}'" if near else "remove it"
            problems.append(
                f"{entry.key_mark}: {path} must have the keys value, source and confidence only, not '{key}'; {hint}"
            )
    value = node.entries["value"].node
    if isinstance(value, Section):
        problems.append(f"{value.mark}: {path}.value must be one value, not a mapping; write it as 'value: 5 ns'")
        return Scalar(value.mark, "")
    return replace(value, source=source, confidence=confidence)


def _own(
    section: Section, path: str, source: str | None, confidence: str | None, problems: list[str]
) -> tuple[str | None, str | None]:
    """The section's own source and confidence where it has them, else those of what encloses it."""
    prefix = f"{path}." if path else ""
    if (entry := section.entries.get("source")) is not None:
        if isinstance(entry.node, Scalar) and not entry.node.is_null:
            source = entry.node.text
        else:
            problems.append(
                f"{entry.node.mark}: {prefix}source must be text that says where the number is from, "
                f"not {_say(entry.node)}; cite it, or write 'assumption: …'"
            )
    if (entry := section.entries.get("confidence")) is not None:
        if isinstance(entry.node, Scalar) and entry.node.text in CONFIDENCES:
            confidence = entry.node.text
        else:
            problems.append(
                f"{entry.node.mark}: {prefix}confidence must be high, medium or low, not {_say(entry.node)}; "
                "write 'low' for what is assumed or recalled"
            )
    return source, confidence


def _say(node: Node) -> str:
    match node:
        case Scalar():
            return "empty" if node.is_null else f"'{node.text}'"
        case Listing():
            return "a list"
        case Section():
            return "a mapping"
