"""The picture, taken apart, and the command that draws it."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ohmflow.runtime.device_view.bench import ViewOptions
from ohmflow.runtime.device_view.errors import DeviceViewError
from ohmflow.runtime.device_view.panels import PANELS
from ohmflow.runtime.device_view.picture import draw, write
from ohmflow.runtime.device_view.view import examine
from ohmflow.targets.registry import load
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
SVG = "{http://www.w3.org/2000/svg}"
SMALL = ("--devices", "4", "--pulses", "20")


def words(picture: str) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def picture() -> str:
    target = load("protonic-psg", {"device.half_select_step": "0.02"})
    return draw(examine(target, ViewOptions(devices=6, pulses=40)))


def test_picture_has_every_panel_and_what_is_not_modelled(picture: str) -> None:
    said = words(picture)
    assert [title for title, _ in PANELS if title in said] == [title for title, _ in PANELS]
    assert "protonic-psg: linear-step" in said
    assert "Not modelled: retention and drift, endurance, relaxation after a pulse." in said


def test_everything_is_drawn_inside_the_picture(picture: str) -> None:
    root = ElementTree.fromstring(picture)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    shapes = [*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")]
    points = [tuple(map(float, pair.split(","))) for shape in shapes for pair in shape.attrib["points"].split()]
    assert len(points) > 500
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    assert "nan" not in picture


def test_equal_views_are_drawn_equally(picture: str) -> None:
    target = load("protonic-psg", {"device.half_select_step": "0.02"})
    assert draw(examine(target, ViewOptions(devices=6, pulses=40))) == picture


@pytest.mark.parametrize("options", [ViewOptions(2, 1), ViewOptions(3, 2, 9)], ids=["least", "few"])
@pytest.mark.parametrize("name", ["rpu-2016", "protonic-psg"])
def test_little_to_draw_is_drawn_too(name: str, options: ViewOptions) -> None:
    assert len(words(draw(examine(load(name), options)))) > 30


def test_markup_in_a_name_is_text() -> None:
    view = replace(examine(load("rpu-2016"), ViewOptions(2, 2)), target="a<b>&c")
    assert "a<b>&c: constant-step" in words(draw(view))


def test_a_name_without_svg_is_refused(tmp_path: Path) -> None:
    view = examine(load("rpu-2016"), ViewOptions(2, 2))
    with pytest.raises(DeviceViewError, match=r"must be a file that ends in \.svg, not '\.png'; rename it$"):
        write(view, tmp_path / "a.png")


def test_command_draws_and_sums_up(shell: Runner, tmp_path: Path) -> None:
    file = tmp_path / "devices.svg"
    said = shell("device", "protonic-psg", "-o", file, *SMALL)
    assert "linear-step" in said
    assert "Not modelled: retention and drift, endurance, relaxation after a pulse." in said
    assert "protonic-psg: linear-step" in words(file.read_text(encoding="utf-8"))


def test_command_prints_json_of_what_it_drew(shell: Runner, tmp_path: Path) -> None:
    file = tmp_path / "devices.svg"
    told = json.loads(shell("device", "rpu-2016", "-o", file, "--json", *SMALL, "--seed", "3"))
    assert (told["model"], told["devices"], told["pulses"], told["seed"]) == ("constant-step", 4, 20, 3)
    assert told["curves"]["swing"]["pulses"][-1] == 40
    assert "retention and drift" in told["not_modelled"] and told["ageing"] is None
    assert file.exists()


def test_command_says_what_half_selected_devices_do(shell: Runner) -> None:
    assert "Half-selected devices do not move." in shell("device", "rpu-2016", *SMALL)
    said = shell("device", "rpu-2016", "--set", "device.half_select_step=0.1", *SMALL)
    assert "Half-selected: 0.1 of a step; 20 pulses move w" in said


AGEING = {
    "device.retention": "{time_constant: 1e4 s, spread: 0.3, level: -0.1}",
    "device.endurance": "{pulses: 1e7, beyond: stuck}",
}


def test_targets_that_forget_have_a_panel_of_devices_left_alone() -> None:
    drawn = draw(examine(load("protonic-psg", AGEING), ViewOptions(devices=6, pulses=40)))
    said = words(drawn)
    assert "Left alone after programming" in said and "Not modelled: relaxation after a pulse." in said
    assert [one for one in said if one.endswith("s") and one[0] == "1"] == ["10 s", "100 s", "1 ks", "10 ks", "100 ks"]
    root = ElementTree.fromstring(drawn)
    assert all(float(y) < float(root.attrib["height"]) for y in (e.attrib.get("y", 0) for e in root.iter()))


def test_command_tells_how_long_weights_last(shell: Runner) -> None:
    changes = [f"--set={path}={value}" for path, value in AGEING.items()]
    told = json.loads(shell("device", "protonic-psg", *SMALL, *changes, "--json"))
    # The laws are looked at twelve times in a decade.
    assert 0.3 < told["ageing"]["half_life_seconds"]["median"] / (1e4 * 0.6931) < 3.0
    assert told["endurance"] == {"pulses": 1e7, "beyond": "stuck"}
    assert "after 1e+07 whole pulses a device no longer moves" in shell("device", "protonic-psg", *SMALL, *changes)
