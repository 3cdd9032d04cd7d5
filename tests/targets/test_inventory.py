"""Inventories: published power and area of parts, with sums as published."""

import pytest

from ohmflow.targets.area import area_mm2, area_tree
from ohmflow.targets.components.registry import COMPONENTS
from ohmflow.targets.model_quantities import UnknownQuantityError, evaluate
from ohmflow.targets.registry import load
from ohmflow.targets.schema.inventory import of_component, total

PARTS = """
inventory:
  source: "a table"
  confidence: high
  core:
    count: 4
    area: 1 mm^2
    parts:
      crossbar: {count: 2, component: tile, power: 3 mW, area: 0.4 mm^2}
      rest: {power: {value: 5 mW, confidence: low}, area: 0.25 mm^2}
  link: {component: host, power: 1 W, area: 20 mm^2}
"""
"""Of the small target, which has 8 tiles; a core is given 1 mm², its parts add up to 1.05 mm²."""


@pytest.fixture
def chip(write, small: str):
    return load(write(small.replace("not_modelled: [area]\n", "") + PARTS))


def test_figures_of_a_part_count_in_place_of_its_parts(chip) -> None:
    assert total(chip.inventory, "area").to("mm^2") == 4 * 1 + 20
    assert total(chip.inventory, "power").to("mW") == 4 * (2 * 3 + 5) + 1000
    assert area_mm2(chip) == 24


def test_the_area_of_the_chip_is_the_tree_of_its_inventory(chip) -> None:
    tree = area_tree(chip)
    assert [(d, n.name, n.count, n.each_mm2, n.confidence) for d, n in tree.walk()] == [
        (0, "chip", 1, 24, "high"),
        (1, "core", 4, 1, "high"),
        (2, "crossbar", 2, 0.4, "high"),
        (2, "rest", 1, 0.25, "high"),
        (1, "link", 1, 20, "high"),
    ]


def test_components_have_the_area_of_the_parts_that_stand_for_them(chip) -> None:
    areas = {c.name: c.area(chip) for c in COMPONENTS}
    assert {name: area.to("mm^2") for name, area in areas.items() if area is not None} == {"tile": 3.2, "host": 20}
    assert of_component(chip.inventory, "adc", "area") is None


def test_paths_into_the_inventory_are_quantities(chip) -> None:
    values = {
        "inventory.core.area": 1,
        "inventory.core.parts.area": 1.05,
        "inventory.core.parts.crossbar.area": 0.4,
        "inventory.area": 24,
    }
    assert {path: evaluate(chip, path).to("mm^2") for path in values} == values
    for path in ("inventory.cores.area", "inventory.core.price", "inventory.core.crossbar.area", "inventory"):
        with pytest.raises(UnknownQuantityError, match="must name a quantity of the model"):
            evaluate(chip, path)


def test_inventory_must_hold_the_tiles_of_the_chip(problems, small: str) -> None:
    (text,) = problems({"count: 4": "count: 3"}, small.replace("[area]", "[]") + PARTS)
    assert text == (
        "chip.yaml:47:1: inventory must hold as many tiles as the chip has, 8, not '6'; change a count, chip.mesh or "
        "chip.tiles_per_node"
    )


def test_every_part_without_parts_has_power_and_area(problems, small: str) -> None:
    change = {", power: 1 W, area: 20 mm^2": "", "    area: 1 mm^2\n": ""}
    assert [text.split(": ", 1)[1] for text in problems(change, small + PARTS)] == [
        "inventory.link.power must be given, not left out, since a sum needs it; add 'power: 1 mW'",
        "inventory.link.area must be given, not left out, since a sum needs it; add 'area: 0.01 mm^2'",
    ]


def test_a_misspelt_key_of_a_part_offers_the_nearest(problems, small: str) -> None:
    (text, *_) = problems({"component: host, power": "component: host, powr"}, small + PARTS)
    assert text == (
        "chip.yaml:56:27: inventory.link.powr must be a key that inventory.link knows, not 'powr'; write 'power'"
    )


def test_a_component_that_does_not_exist_is_refused(problems, small: str) -> None:
    (text,) = problems({"component: host": "component: hosts"}, small + PARTS)
    assert "inventory.link.component must be array, driver, dac," in text and text.endswith("write 'host'")


def test_inventory_enters_the_hash_and_is_handed_on(write, chip, small: str) -> None:
    assert chip.content_hash != load(write(name="plain.yaml")).content_hash
    write("name: child\nsummary: Extends\nextends: chip.yaml\n", "child.yaml")
    assert area_mm2(load("child.yaml")) == 24
    assert area_mm2(load("child.yaml", {"inventory.link": "null"})) == 4


def test_pimcomp_is_the_published_table() -> None:
    target = load("pimcomp-2023")
    core = target.inventory["core"]
    assert [part.power.to("mW") * part.count for part in core.parts.values()] == pytest.approx([1221.76, 22.8, 18, 8])
    assert [part.area.to("mm^2") * part.count for part in core.parts.values()] == pytest.approx(
        [0.77, 0.048, 0.085, 0.11]
    )
    assert total(core.parts, "power").to("mW") == 1270.56
    assert total(target.inventory, "power").to("W") == pytest.approx(56.78605, rel=1e-12)
    assert total(target.inventory, "area").to("mm^2") == 62.92
    assert target.chip.tiles == 36 * 64


def test_puma_is_the_published_node() -> None:
    target = load("puma")
    assert total(target.inventory, "power").to("W") == pytest.approx(62.555, rel=1e-12)
    assert area_mm2(target) == pytest.approx(90.604, rel=1e-12)
    assert target.chip.tiles == 138 * 8 * 2


def test_latency_and_interval_of_puma_are_two_numbers() -> None:
    target = load("puma")
    assert evaluate(target, "tile.mvm.latency").to("ns") == 2304
    assert evaluate(target, "tile.mvm.interval").to("ns") == 1383
