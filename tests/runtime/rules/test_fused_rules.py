"""Fused kernels of rules give what their tile operations give: values, states, counts, events, time."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.rules.fast_loop import FastLoop
from ohmflow.runtime.rules.mixed_loop import GatherLoop, RowLoop
from ohmflow.targets.registry import load
from tests.compiler.rules.one_layer import Trained

ROWS, COLS = 6, 5
SMALL_TILES = {"tile.crossbar.rows": "4", "tile.crossbar.cols": "3", "tile.adc.shared_by": "1"}
COARSE = {"device.parameters.dw_min": "0.01", "device.parameters.up_down_dtod": "0.1"}
NOISY = {"device.parameters.write_noise": "0.5"}

Case = tuple[str, dict[str, Any], dict[str, str], int | None]
CASES: dict[str, Case] = {
    "tiki-taka-v2": ("tiki-taka-v2", {}, {}, None),
    "tiki-taka-v2, several blocks, every other vector": (
        "tiki-taka-v2",
        {"transfer_every": 2, "forget": False, "transfer_pulses": 3},
        SMALL_TILES,
        None,
    ),
    "tiki-taka-v2, fixed rate, zero shifted": (
        "tiki-taka-v2",
        {"fast_lr": 0.2, "zero_shift": 5, "zero_reads": 3},
        {},
        None,
    ),
    "tiki-taka-v2, write noise": ("tiki-taka-v2", {}, NOISY, None),
    "tiki-taka-v2, write noise, positions": ("tiki-taka-v2", {}, {**NOISY, **SMALL_TILES}, 3),
    "c-ttv2": ("c-ttv2", {"chop": 0.4}, {}, None),
    "c-ttv2, positions": ("c-ttv2", {"chop": 0.4}, {}, 3),
    "agad, one pulse a transfer": ("agad", {"chop": 0.4, "transfer_pulses": 1}, SMALL_TILES, None),
    "shd": ("shd", {}, SMALL_TILES, None),
    "shd, write noise, positions, every other vector": ("shd", {"transfer_every": 2}, NOISY, 2),
    "residual": ("residual", {}, {}, None),
    "residual, write noise, small tiles": ("residual", {"gamma": 0.5}, {**SMALL_TILES, **NOISY}, None),
    "tiki-taka": ("tiki-taka", {}, SMALL_TILES, None),
    "tiki-taka, positions, write noise": ("tiki-taka", {"transfer_every": 2, "gamma": 0.3}, NOISY, 2),
    "mixed-precision": ("mixed-precision", {}, SMALL_TILES, None),
    "mixed-precision, positions, write noise": ("mixed-precision", {}, NOISY, 3),
}


def trained(case: Case, fused: bool, patch_bytes: int = 1 << 20) -> Trained:
    rule, options, overrides, positions = case
    target = load("rpu-2016", {**COARSE, **overrides})
    if rule not in ("mixed-precision", "residual", "tiki-taka"):
        options = {"memory": 300, **options}
    rng = np.random.default_rng(0)
    start = rng.uniform(-0.3, 0.3, (ROWS, COLS)).astype(np.float32)
    goal = rng.uniform(-0.3, 0.3, (ROWS, COLS)).astype(np.float32)
    chip = Trained(start, target, rule, 0.7, positions=positions, **options)
    chip.machine.values.fused = fused
    chip.machine.values.patch_bytes = patch_bytes
    places = () if positions is None else (positions,)
    for step in range(8):
        x = rng.standard_normal((1 + step % 4, *places, ROWS)).astype(np.float32)
        x[..., step % ROWS] = 0
        chip.step(x, x @ goal, 0.5)
    return chip


def arrays(chip: Trained) -> list[np.ndarray]:
    return [plane for array in chip.machine.values.arrays for plane in array.state().values()]


def fused_loops(chip: Trained) -> list[type]:
    return [type(n.fused) for n in chip.machine.values._plans["train_step"][0] if n.fused is not None]


@pytest.mark.parametrize("name", CASES)
def test_fused_equals_interpreted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    plain = trained(case, False, patch_bytes=40)

    def refuse(*_: Any) -> None:
        raise AssertionError("a loop was interpreted")

    fused = trained(case, True, patch_bytes=40)
    for ours, theirs in zip(arrays(fused), arrays(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert np.ptp(ours) > 0
    assert fused.states().keys() == plain.states().keys()
    for part, state in plain.states().items():
        np.testing.assert_array_equal(fused.states()[part], state, err_msg=part)
    for entry, tally in plain.machine.values.tallies.items():
        np.testing.assert_array_equal(fused.machine.values.tallies[entry].table, tally.table, err_msg=entry)
    for said, told in zip(fused.machine.values.updates, plain.machine.values.updates, strict=True):
        assert vars(said) == vars(told)
    for chip in (fused, plain):
        chip.machine.close_epoch(1)
    assert fused.machine.seconds == plain.machine.seconds
    expected = [GatherLoop, RowLoop] if case[0] == "mixed-precision" else [FastLoop]
    assert fused_loops(fused) == expected
    monkeypatch.setattr(fused.machine.values, "interpret", refuse)
    x = np.ones((2, *(() if case[3] is None else (case[3],)), ROWS), np.float32)
    fused.step(x, x[..., :COLS], 0.5)


def test_an_array_that_counts_wear_is_interpreted() -> None:
    worn = {"device.endurance.pulses": "1e9", "device.endurance.source": "test", "device.endurance.confidence": "low"}
    case: Case = ("tiki-taka-v2", {}, worn, None)
    np.testing.assert_array_equal(trained(case, True).array(), trained(case, False).array())
