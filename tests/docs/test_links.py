"""Links and file names on the pages lead to what is there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, headings, inline_code, links, page_id

FOLDERS = r"(?:compiler|runtime|targets|tests|docs|examples|bench|tools)/"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in headings(place)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = [code for code in inline_code(page) if re.fullmatch(FOLDERS + r"[\w./-]*", code)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / link).resolve() for link in links(index)}
    pages = {page for page in PAGES if page.parent == index.parent and page != index}
    assert pages - named == set()


def test_every_page_but_decisions_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ":" not in link]
    decisions = set((ROOT / "docs" / "decisions").glob("*.md"))
    assert {page for page in PAGES if page not in reached} - decisions == set()
