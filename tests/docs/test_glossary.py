"""Words of reports are in the glossary."""

import re

import pytest

from ohmflow.compiler.program.schedule import PHASES
from ohmflow.targets.components.registry import all_events
from tests.docs.pages import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text()


@pytest.mark.parametrize("word", sorted({*PHASES, *(event.component for event in all_events())}))
def test_phases_and_components_are_told(word: str) -> None:
    assert re.search(rf"\b{word}\b", TEXT)


def test_no_term_is_told_twice_in_one_section() -> None:
    for section in TEXT.split("\n## "):
        terms = re.findall(r"^\* \*\*(.+?)\*\*", section, re.MULTILINE)
        assert sorted(set(terms)) == sorted(terms)
