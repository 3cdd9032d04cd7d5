"""Areas against arithmetic by hand, and what is said where they are missing."""

import pytest

from ohmflow.targets.area import AreaNode, area_mm2, area_tree
from ohmflow.targets.components.registry import COMPONENTS, all_footprints
from ohmflow.targets.registry import load

AREAS = {
    "wire_c: 0.2 fF/um, pitch: 0.4 um}": "wire_c: 0.2 fF/um, pitch: 0.4 um}\n  driver: {area: 50 um^2}",
    "dac: {bits: 7, energy: 0.3 pJ}": "dac: {bits: 7, energy: 0.3 pJ, area: 400 um^2}",
    "    energy: 2 pJ\n": "    energy: 2 pJ\n    area: 1000 um^2\n"
    "  shift_add: {latency: 1, energy: 0.1 pJ, area: 60 um^2}\n",
    "write_energy: 2 pJ}\n": "write_energy: 2 pJ, area: 0.02 mm^2}\n  control: {area: 0.1 mm^2}\n",
    "local_energy: 1 pJ}": "local_energy: 1 pJ, area: 10 um^2}",
    "write_energy: 4 pJ}\n": "write_energy: 4 pJ, area: 0.3 mm^2}\n    area: 0.2 mm^2\n",
    "router: {leakage: 3 mW}": "router: {leakage: 3 mW, area: 0.05 mm^2}",
    "leakage: 4 mW}": "leakage: 4 mW, area: 20 mm^2}",
    "not_modelled: [area]": "not_modelled: []",
}
"""What the small target of the tests lacks to have an area."""

ARRAY = 64 * 32 * 0.4e-3**2  # mm²
TILE = 96 * 50e-6 + ARRAY + 96 * 400e-6 + 6 * 1060e-6 + 0.02 + 0.1
NODE = TILE + 0.2 + 0.3 + 0.05
CHIP = 8 * NODE + 20 * 10e-6 + 20
EXACT = 1e-12  # sums are exact; the floats of this page are not


def close(value: float) -> object:
    return pytest.approx(value, rel=EXACT, abs=0)


def tree_of(target) -> AreaNode:
    tree = area_tree(target)
    assert tree is not None
    return tree


def test_chip_is_the_sum_of_its_parts(write) -> None:
    tree = tree_of(load(write(change=AREAS)))
    assert {(node.name, node.count): node.each_mm2 for _, node in tree.walk()} == {
        ("chip", 1): close(CHIP),
        ("node", 8): close(NODE),
        ("tile", 1): close(TILE),
        ("driver", 96): close(50e-6),
        ("array", 1): close(ARRAY),
        ("dac", 96): close(400e-6),
        ("adc", 6): close(1000e-6),  # 32 / 16 for columns and 64 / 16 for rows
        ("shift_add", 6): close(60e-6),  # one a converter
        ("buffer", 1): close(0.02),
        ("control", 1): close(0.1),
        ("vector unit", 1): close(0.2),
        ("scratchpad", 1): close(0.3),
        ("router", 1): close(0.05),
        ("link", 20): close(10e-6),  # a mesh of 4 x 2 has 10 edges
        ("host", 1): close(20),
    }
    for _, node in tree.walk():
        assert not node.parts or node.each.value == sum(part.total.value for part in node.parts)


def test_components_state_their_area_on_the_whole_chip(write) -> None:
    target = load(write(change=AREAS))
    areas = {c.name: area.to("mm^2") for c in COMPONENTS if (area := c.area(target)) is not None}
    assert areas["adc"] == close(8 * 6 * 1000e-6)
    assert areas["link"] == close(8 * 0.05 + 20 * 10e-6)
    assert sum(areas.values()) == close(CHIP) == close(area_mm2(target))


def test_tiles_that_are_not_read_backwards_have_converters_on_one_side(write) -> None:
    target = load(write(change=AREAS), {"tile.transposable": "false", "tile.adc.banks": "1"})
    tree = tree_of(target)
    assert (tree.find("adc").count, tree.find("dac").count) == (2, 64)
    assert tree.find("driver").count == 96, "columns are pulsed all the same"


def test_one_bank_is_as_large_as_the_larger_side(write) -> None:
    assert tree_of(load(write(change=AREAS), {"tile.adc.banks": "1"})).find("adc").count == 4


def test_several_tiles_of_a_node_share_its_router(write) -> None:
    tree = tree_of(load(write(change=AREAS), {"chip.tiles_per_node": "3"}))
    assert tree.find("tile").count == 3
    assert tree.each_mm2 == close(CHIP + 8 * 2 * TILE)


def test_confidence_is_the_lowest_of_the_parts(write) -> None:
    text = load(write(change=AREAS | {"confidence: low": "confidence: high"}))
    assert tree_of(text).confidence == "high"
    tree = tree_of(load("chip.yaml", {"tile.dac.area": "{value: 1 um^2, source: a guess, confidence: medium}"}))
    found = {node.name: node.confidence for _, node in tree.walk()}
    assert {name for name, confidence in found.items() if confidence == "medium"} == {"chip", "node", "tile", "dac"}


OPTIONAL = {"chip.dram.area", "chip.network.adder.area", "chip.package.link.area"}
"""Areas of sections that the chip of these tests does not have."""


@pytest.mark.parametrize("path", sorted({f.path for f in all_footprints()} - {"tile.array.area", *OPTIONAL}))
def test_area_that_is_left_out_is_named_and_in_no_sum(write, path: str) -> None:
    target = load(write(change=AREAS), {path: "null", "not_modelled": f"[{path}]"})
    tree = tree_of(target)
    assert tree.missing == (path,)
    assert 0 < area_mm2(target) < CHIP
    lacking = [node for _, node in tree.walk() if node.missing and not node.parts]
    assert [node.each.value for node in lacking] == [0]


def test_sections_may_be_left_out_as_a_whole(write) -> None:
    target = load(write(change=AREAS), {"not_modelled": "[tile.buffer, tile.array]"})
    assert tree_of(target).missing == ("tile.array.area", "tile.buffer.area")


def test_there_is_no_area_where_none_is_modelled(write) -> None:
    ideal, small = load("ideal"), load(write())
    for target in (ideal, small):
        assert area_tree(target) is None
        assert area_mm2(target) is None
        assert {component.area(target) for component in COMPONENTS} == {None}


def test_chip_has_no_area_where_every_part_of_it_is_left_out(write) -> None:
    everything = sorted({f.path for f in all_footprints()})
    assert area_mm2(load(write(), {"not_modelled": f"[{', '.join(everything)}]"})) is None


def test_missing_areas_are_all_named_at_once(problems) -> None:
    said = problems({"not_modelled: [area]": "not_modelled: []"})
    paths = {f.path for f in all_footprints()} - {"tile.array.area", "tile.shift_add.area", *OPTIONAL}
    assert len(said) == len(paths)
    for path in paths:
        assert any(f"{path} must be given, not left out, since no area is silently zero" in text for text in said)


def test_area_of_the_array_follows_from_the_pitch(problems) -> None:
    small = {"not_modelled: [area]": "not_modelled: [tile.driver, chip, tile.dac, tile.adc, tile.buffer, tile.control]"}
    (text,) = problems(small | {", pitch: 0.4 um": ""})
    assert text.endswith(
        "tile.crossbar.pitch must be given, not left out, since what tile.array covers follows from it; "
        "add it, or list 'tile.array.area' under not_modelled"
    )


@pytest.mark.parametrize(("name", "low", "high"), [("protonic-psg", 600, 750), ("rpu-2016", 550, 700)])
def test_shipped_chips_are_as_large_as_a_large_die(name: str, low: float, high: float) -> None:
    # RAELLA's published design has 600 mm² at 32 nm; one exposure covers at most 858 mm²
    target = load(name)
    assert low < area_mm2(target) < high
    assert tree_of(target).missing == ()
