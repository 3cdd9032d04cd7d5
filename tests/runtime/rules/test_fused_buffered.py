"""The fused kernel of Tiki-Taka v2, c-TTv2 and AGAD gives what their tile operations give: values, counts, events."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.rules.buffered import BufferedLoop
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.rules.one_layer import Trained

ROWS, COLS = 6, 5
SMALL_TILES = {"tile.crossbar.rows": "4", "tile.crossbar.cols": "3", "tile.adc.shared_by": "1"}
COARSE = {"device.parameters.dw_min": "0.01", "device.parameters.up_down_dtod": "0.1"}

CASES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "tiki-taka-v2": ("tiki-taka-v2", {}, {}),
    "tiki-taka-v2, several blocks, every other vector": (
        "tiki-taka-v2",
        {"transfer_every": 2, "forget": False, "transfer_pulses": 3},
        SMALL_TILES,
    ),
    "tiki-taka-v2, fixed rate, zero shifted": ("tiki-taka-v2", {"fast_lr": 0.2, "zero_shift": 5, "zero_reads": 3}, {}),
    "c-ttv2": ("c-ttv2", {"chop": 0.4}, {}),
    "agad, one pulse a transfer": ("agad", {"chop": 0.4, "transfer_pulses": 1}, SMALL_TILES),
}


def trained(rule: str, target: Target, fused: bool, options: dict[str, Any]) -> Trained:
    rng = np.random.default_rng(0)
    start = rng.uniform(-0.3, 0.3, (ROWS, COLS)).astype(np.float32)
    goal = rng.uniform(-0.3, 0.3, (ROWS, COLS)).astype(np.float32)
    chip = Trained(start, target, rule, 0.7, **options)
    chip.machine.values.fused = fused
    for step in range(12):
        x = rng.standard_normal((1 + step % 4, ROWS)).astype(np.float32)
        chip.step(x, x @ goal, 0.5)
    return chip


@pytest.mark.parametrize("case", CASES)
def test_fused_equals_interpreted(case: str) -> None:
    rule, options, overrides = CASES[case]
    target = load("rpu-2016", {**COARSE, **overrides})
    options = {"memory": 300, **options}
    fused = trained(rule, target, True, options)
    plain = trained(rule, target, False, options)
    np.testing.assert_array_equal(fused.array(), plain.array())
    np.testing.assert_array_equal(fused.array("fast"), plain.array("fast"))
    assert fused.states().keys() == plain.states().keys()
    for name, state in plain.states().items():
        np.testing.assert_array_equal(fused.states()[name], state, err_msg=name)
    assert fused.states()["H"].any() and np.ptp(fused.array("fast")) > 0
    for name, tally in plain.machine.values.tallies.items():
        np.testing.assert_array_equal(fused.machine.values.tallies[name].table, tally.table, err_msg=name)
    for ours, theirs in zip(fused.machine.values.updates, plain.machine.values.updates, strict=True):
        assert vars(ours) == vars(theirs)
    for chip in (fused, plain):
        chip.machine.close_epoch(1)
    assert fused.machine.seconds == plain.machine.seconds


def test_the_loop_is_recognised_and_a_faulty_array_is_interpreted() -> None:
    target = load("rpu-2016", {**COARSE, "device.parameters.write_noise": "0.5"})
    chip = trained("tiki-taka-v2", target, True, {"memory": 20})
    plain = trained("tiki-taka-v2", target, False, {"memory": 20})
    loops = [node for node in chip.machine.values._plans["train_step"][0] if node.fused is not None]
    assert [type(node.fused) for node in loops] == [BufferedLoop]
    np.testing.assert_array_equal(chip.array(), plain.array())
