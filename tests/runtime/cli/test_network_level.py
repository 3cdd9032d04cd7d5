"""`--network`: one program at two levels of detail of the network."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.targets.registry import load
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]

MODEL = Path("examples/models/digits_mlp.onnx")


def estimated(shell: Runner, *words: object) -> dict[str, Any]:
    found = json.loads(shell("estimate", *words, "--json"))
    assert isinstance(found, dict)
    return found


def test_one_program_is_estimated_at_both_levels(shell: Runner, tmp_path: Path) -> None:
    program = tmp_path / "program"
    shell("compile", MODEL, "-t", "protonic-psg", "--packing", "spread", "-o", program)
    links, flits = (estimated(shell, program, "-t", "protonic-psg", "--network", level) for level in ("links", "flits"))
    assert (links["network"], flits["network"]) == ("links", "flits")
    assert links["target_hash"] == flits["target_hash"]
    assert links["work"]["cycles"] < flits["work"]["cycles"] < 1.05 * links["work"]["cycles"]
    by_component = [found["work"]["energy_by_component"]["link"] for found in (links, flits)]
    assert by_component[0] == pytest.approx(by_component[1]), "the same flits over the same links"


def test_a_run_says_its_level_and_links_are_the_default(shell: Runner, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.zeros((2, 64), np.float32))
    words = ("run", MODEL, "-t", "protonic-psg", "--packing", "spread", "--inputs", tmp_path / "x.npz", "--json")
    plain = json.loads(shell(*words, "-o", tmp_path / "links"))
    flits = json.loads(shell(*words, "-o", tmp_path / "flits", "--network", "flits"))
    assert (plain["network"], flits["network"]) == ("links", "flits")
    assert plain["cycles"] < flits["cycles"]
    outputs = [np.load(tmp_path / level / "outputs.npz") for level in ("links", "flits")]
    for name in outputs[0].files:
        np.testing.assert_array_equal(outputs[0][name], outputs[1][name])


def test_the_level_is_in_no_hash_and_other_keys_of_the_network_are() -> None:
    hashes = {
        load("protonic-psg", changes).content_hash
        for changes in (None, {"chip.network.level": "flits"}, {"chip.router.vcs": "2"})
    }
    assert len(hashes) == 1
    assert load("protonic-psg", {"chip.network.multicast": "tree"}).content_hash not in hashes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chip.router.stages": "4"}, "chip.router.stages must be from 1 to 3"),
        ({"chip.router.stages": "3"}, "chip.router.stages must be at most chip.link.hop"),
        ({"chip.router.vcs": "65"}, "chip.router.vcs must be at most 64"),
        ({"chip.network.level": "flits", "chip.router.buffer": "null"}, "chip.network.level must be links without"),
    ],
)
def test_routers_that_can_not_be_are_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(Exception, match=said):
        load("protonic-psg", changes)
