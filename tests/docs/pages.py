"""The pages of the project, taken apart: fenced blocks, prose, links, commands."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TOS = [page for page in PAGES if page.name.startswith("how-to-")]


def page_id(page: Path) -> str:
    """A page's name in test reports."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Fence:
    """A fenced block: its language, the file name after it (or nothing), its text, the line where it begins."""

    language: str
    name: str
    text: str
    line: int


@cache
def fences(page: Path) -> tuple[Fence, ...]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    found = re.finditer(r"^```(\w*) ?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return tuple(Fence(m[1], m[2], m[3], text[: m.start()].count("\n") + 2) for m in found)


@cache
def prose(page: Path) -> str:
    """A page without its fenced blocks; each leaves a line `<language>`."""
    return re.sub(r"^```(\w*).*?^```$", r"<\1>", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def inline_code(page: Path) -> list[str]:
    """What stands between single back-ticks in the prose of a page."""
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose(page))]


def links(page: Path) -> list[str]:
    """Where the links of a page lead."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(page)))


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shell_lines(page: Path) -> list[str]:
    """Commands of a page's `sh` blocks, without comments and empty lines."""
    lines = [
        line.partition("  # ")[0].strip() for f in fences(page) if f.language == "sh" for line in f.text.split("\n")
    ]
    return [line for line in lines if line]
