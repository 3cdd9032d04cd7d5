from pathlib import Path

import pytest

from ohmflow.compiler.autodiff.coverage import operators_page
from ohmflow.compiler.autodiff.registry import Registry


def test_a_second_owner_of_a_name_is_refused_naming_both() -> None:
    registry: Registry[int] = Registry("loss")
    registry.add("mse", 1, "one")
    with pytest.raises(ValueError, match=r"^loss 'mse' must have one owner, not one and two$"):
        registry.add("mse", 2, "two")


def test_operators_page_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "operators.md"
    assert page.read_text(encoding="utf-8") == operators_page()
