"""Docstrings of Google style, taken apart for the pages that are written from classes."""

import inspect
import re


def opening(made: object) -> str:
    """Give a docstring without its sections (`Args:`, `Attributes:` …)."""
    return re.split(r"\n\n?(?:Args|Attributes|Raises|Returns):\n", _text(made))[0]


def section(made: object, head: str) -> dict[str, str]:
    """Take one section of a docstring apart.

    Args:
        made: A class or function with a docstring.
        head: Name of the section, such as "Args".

    Returns:
        Name to what is said of it, in order, each on one line, fit for a cell of a table.
    """
    found = re.search(rf"^{head}:\n((?:    .*\n?|\n)+)", _text(made), re.MULTILINE)
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", found[1] if found else "", re.MULTILINE)
    return {name: " ".join(told.split()).replace("|", "\\|") for name, told in entries}


def _text(made: object) -> str:
    return inspect.cleandoc(made.__doc__ or "")
