"""Keys of reads that do not go together."""

import pytest

from ohmflow.targets.registry import load

READ = "max_retries: 4}"
CASES = {
    "a scale for constant": (
        {"noise_management: abs-max": "noise_management: constant", READ: "max_retries: 4, input_scale_backward: 1}"},
        "tile.read.input_scale must be given where noise management is constant, not left out; add one such as "
        "'input_scale: 1'",
    ),
    "a scale for constant, backward": (
        {READ: "max_retries: 4, noise_management_backward: constant}"},
        "tile.read.input_scale_backward must be given where noise management is constant, not left out; add one such "
        "as 'input_scale_backward: 1'",
    ),
    "a scale without constant": (
        {READ: "max_retries: 4, input_scale: 2}"},
        "tile.read.input_scale must be left out where noise management is abs-max; remove it, or write "
        "'noise_management: constant'",
    ),
    "weight of a step": (
        {READ: "max_retries: 4, scale_decay: 1.5}"},
        "tile.read.scale_decay must be at most 1, not '1.5'; write one such as 0.01",
    ),
    "thermal noise without conductance": (
        {"  conductance: {min: 10 nS, max: 100 nS}\n": "", READ: "max_retries: 4, temperature: 300 K}"},
        "tile.read.temperature must come with device.conductance, the window of cells, not without; add it, or remove "
        "tile.read.temperature",
    ),
    "wires without resistance": (
        {READ: "max_retries: 4, ir_drop: fast}"},
        "tile.read.ir_drop must come with tile.crossbar.wire_r, the resistance of its wires, not without; add it, or "
        "remove tile.read.ir_drop",
    ),
    "1/f noise of a pair": (
        {"cell: single-with-reference": "cell: differential-pair", READ: "max_retries: 4, flicker: 0.1}"},
        "tile.read.flicker must be left out where tile.crossbar.cell is differential-pair, since it takes one device "
        "and one reference a cell; remove it, or write 'cell: single-with-reference'",
    ),
    "retries of passes": (
        {READ: "max_retries: 4, inputs: bit-serial}"},
        "tile.read.bound_management must be none where every pass of bit-serial inputs is converted, not 'iterative', "
        "as half the input only moves its bits to other passes; write 'none', or 'accumulate: analog'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_keys_of_reads_that_do_not_go_together_are_refused(problems, name: str) -> None:
    change, sentence = CASES[name]
    found = problems(change)
    assert any(problem.split(": ", 1)[1] == sentence for problem in found), found


def test_a_target_without_wires_may_say_that_they_drop_nothing(write) -> None:
    assert load(write(change={READ: "max_retries: 4, ir_drop: none}"})).tile.read.ir_drop == "none"
