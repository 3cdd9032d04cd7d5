"""`ohmflow network`: what it prints, and what it refuses."""

import json

import pytest

from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
SHORT = ("--warmup", 500, "--cycles", 1000)


def test_json_is_the_measured_network(shell: Runner) -> None:
    words = ("--mesh", "4x3", "--vcs", 2, "--buffer", 4, "--packet-flits", 3, "--rate", 0.2, "--seed", 1, *SHORT)
    data = json.loads(shell("network", *words, "--json"))
    assert data["network"] == {
        "mesh": [4, 3],
        "vcs": 2,
        "buffer_flits": 4,
        "packet_flits": 3,
        "rate": 0.2,
        "traffic": "uniform",
        "seed": 1,
        "link_cycles": 1,
        "credit_cycles": 1,
    }
    assert data["result"]["saturated"] is False
    assert 4 * data["result"]["hops"] + 4 < data["result"]["network_latency"] < 40


def test_the_mesh_is_that_of_the_target_unless_it_is_given(shell: Runner) -> None:
    on_target = json.loads(shell("network", "-t", "protonic-psg", *SHORT, "--json"))
    assert on_target["network"]["mesh"] == [16, 16]
    given = json.loads(shell("network", "-t", "protonic-psg", "--mesh", "3x5", *SHORT, "--json"))
    assert given["network"]["mesh"] == [3, 5]


def test_text_says_whether_it_is_saturated(shell: Runner) -> None:
    assert "not saturated" in shell("network", "--mesh", "4x4", "--rate", 0.1, *SHORT)
    text = shell("network", "--mesh", "4x4", "--vcs", 1, "--rate", 1, *SHORT)
    assert "saturated" in text and "not saturated" not in text


def test_fast_reserves_links(shell: Runner) -> None:
    assert "links reserved" in shell("network", "--fast", "--mesh", "4x4", *SHORT)


def test_no_packet_no_latency(shell: Runner) -> None:
    assert "no latency" in shell("network", "--mesh", "2x2", "--rate", 1e-9, *SHORT)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mesh", "8"), "--mesh: must be columns x rows, not '8'; try 8x8"),
        (("--traffic", "uniforn"), "not 'uniforn'; did you mean 'uniform'?"),
        (("--set", "chip.clock=1 GHz"), "--set: must be given with a target, not alone; add -t TARGET"),
        (("--warmup", -1), "--warmup: must be from 0 to 1000000000, not -1; take a value in that range"),
        (("-t", "ideal"), "ideal: chip must describe a mesh, not be left out; give --mesh instead of -t"),
    ],
)
def test_what_can_not_be_is_refused(words: tuple[str, ...], said: str, shell: Runner) -> None:
    done = shell.finish("network", *words)
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("error: ") and done.err.rstrip("\n").endswith(said)
