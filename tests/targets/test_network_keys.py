"""Keys of messages with several ends, and of packages of chips."""

import pytest

from ohmflow.targets.area import area_tree
from ohmflow.targets.costs import cost_table
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

ADDER = {"latency": "1", "energy": "1.68 pJ", "area": "2224 um^2"}
LINK = {"flit_cycles": "5", "hop": "5", "energy": "50 pJ", "area": "0.1 mm^2"}


def changed(network: dict[str, str] | None = None, package: dict[str, str] | None = None) -> Target:
    changes = {"chip.mesh": "4x4"} | {f"chip.network.{key}": value for key, value in (network or {}).items()}
    return load("protonic-psg", changes | {f"chip.package.{key}": value for key, value in (package or {}).items()})


def adders() -> dict[str, str]:
    return {"sum": "routers"} | {f"adder.{key}": value for key, value in ADDER.items()}


def chips(count: str) -> dict[str, str]:
    return {"chips": count} | {f"link.{key}": value for key, value in LINK.items()}


def test_sums_in_routers_need_an_adder() -> None:
    with pytest.raises(TargetError, match=r"chip\.network\.sum must be nodes where there is no chip\.network\.adder"):
        changed({"sum": "routers"})


def test_an_adder_that_adds_nothing_is_refused() -> None:
    with pytest.raises(TargetError, match=r"chip\.network\.adder must be left out where sums are made in nodes"):
        changed(adders() | {"sum": "nodes"})


def test_an_adder_has_a_price() -> None:
    with pytest.raises(TargetError, match=r"chip\.network\.adder\.energy must be given"):
        changed({key: value for key, value in adders().items() if key != "adder.energy"})


def test_chips_divide_the_mesh() -> None:
    with pytest.raises(TargetError, match=r"chip\.package\.chips must divide the mesh of 4 x 4 nodes, not '3 x 2'"):
        changed(package=chips("3x2"))


def test_what_is_not_there_has_no_place_in_the_price_list() -> None:
    prices = cost_table(changed())
    assert ("adder", "flit_add") not in prices and ("link", "flit_package") not in prices


def test_a_flit_between_chips_costs_its_bits() -> None:
    prices = cost_table(changed(adders(), chips("2x1")))
    assert prices["link", "flit_package"] == pytest.approx(256 * 50e-12, rel=1e-12, abs=0)
    assert prices["adder", "flit_add"] == pytest.approx(1.68e-12, rel=1e-12, abs=0)


def test_the_area_has_an_adder_a_router_and_two_directions_a_border() -> None:
    tree = area_tree(changed(adders(), chips("2x2")))
    assert tree is not None and tree.name == "package"
    adder, border, wires = tree.find("adder"), tree.find("package_link"), tree.find("link")
    assert adder is not None and adder.each_mm2 == pytest.approx(2224e-6)
    # Between two halves of 4 x 4 there are 4 edges across and 4 down, each both ways; 24 edges in all.
    assert border is not None and border.count == 2 * (4 + 4) and border.total_mm2 == pytest.approx(1.6)
    assert wires is not None and wires.count == 2 * (24 - 8)


def test_a_key_that_is_not_used_changes_no_hash() -> None:
    assert changed().content_hash == load("protonic-psg", {"chip.mesh": "4x4"}).content_hash
    assert changed({"multicast": "tree"}).content_hash != changed().content_hash
