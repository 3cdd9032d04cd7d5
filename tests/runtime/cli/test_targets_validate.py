"""`ohmflow targets validate`: published quantities beside ours. OHMFLOW_UPDATE_GOLDEN=1 rewrites the golden table."""

import json
import os
from pathlib import Path

from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
GOLDEN = Path(__file__).parents[2] / "golden" / "targets" / "validate.txt"
WRONG = """\
name: mine
summary: Of another energy than it says
extends: rpu-2016
validation:
  adc: {quantity: energy of a conversion, published: {value: 5 pJ, source: a paper}, model: tile.adc.energy, \
kind: transcribed}
"""


def test_table_of_all_targets_is_as_the_golden_has_it(shell: Runner) -> None:
    text = "\n".join(line.rstrip() for line in shell("targets", "validate").splitlines()) + "\n"
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), f"{GOLDEN}: OHMFLOW_UPDATE_GOLDEN=1 rewrites it"


def test_json_has_every_row_with_its_error(shell: Runner) -> None:
    said = json.loads(shell("targets", "validate", "pimcomp-2023", "ideal", "--json"))
    assert said["ideal"] == []
    (power, *_) = said["pimcomp-2023"]
    assert power["published"] == "56.79 W" and (power["value"], power["unit"]) == (56.79, "W")
    assert (power["kind"], power["confidence"], power["agrees"]) == ("transcribed", "high", True)
    assert abs(power["error"] - (56.78605 / 56.79 - 1)) < 1e-12


def test_file_that_contradicts_its_source_ends_with_status_2(shell: Runner, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(WRONG)
    done = shell.finish("targets", "validate", file)
    assert done.status == 2
    assert "+360.0 %" in done.out and "None of 1 is a prediction" in done.out
    assert done.err == (
        "error: mine: validation.adc: tile.adc.energy must be 5 pJ as transcribed, not '23 pJ'; "
        "mend the figure, or the row's kind\n"
    )


def test_show_gives_the_area_of_parts(shell: Runner) -> None:
    about = json.loads(shell("targets", "show", "rpu-2016", "--json"))
    (node, *_) = about["area"]["parts"]
    assert (about["area"]["name"], node["name"], node["count"]) == ("chip", "node", 50)
    assert about["executes"] is True
    text = shell("targets", "show", "rpu-2016")
    assert "vector unit" in text.partition("Area")[2]
    assert "Nothing can be executed" in shell("targets", "show", "puma")
    assert json.loads(shell("targets", "show", "ideal", "--json"))["area"] is None


def test_show_says_which_areas_are_missing(shell: Runner) -> None:
    text = shell("targets", "show", "rpu-2016", "--set", "tile.dac.area=null", "--set", "not_modelled=[tile.dac.area]")
    assert any(line.split()[:2] == ["dac", "8,192"] and "not modelled" in line for line in text.splitlines())
