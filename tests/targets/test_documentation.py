"""What docs/target-files.md says is so."""

import re
from pathlib import Path

from pydantic import BaseModel

from ohmflow.targets.costs import cost_table, missing
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

PAGE = (Path(__file__).parents[2] / "docs" / "target-files.md").read_text(encoding="utf-8")

DESCRIBING = (Path(__file__).parents[2] / "docs" / "describing-a-chip.md").read_text(encoding="utf-8")


def keys(model: type[BaseModel], above: tuple[type[BaseModel], ...] = ()) -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        for option in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(option, type) and issubclass(option, BaseModel):
                found |= keys(option, (*above, model)) if option not in (*above, model) else set()
    return found


def test_the_example_is_a_whole_target(write) -> None:
    (example,) = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    target = load(write(example))
    assert target.origins["device.parameters.dw_min"].confidence == "medium"
    assert target.device.energy_per_pulse.source == "gate charge, 0.4 fC * 3 V"
    assert missing(cost_table(target)) == ("leakage.router",)


def test_the_page_names_every_key() -> None:
    tables = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    unnamed = {key for key in keys(Target) if not re.search(rf"\b{key}\b", tables)}
    assert unnamed <= {"name", "summary", "device", "tile", "chip", "not_modelled", "inventory", "validation"}
