"""Steps drawn from a table have the table's distribution; tables and the files that hold them."""

import numpy as np
import pytest
from pydantic import ValidationError

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.measured import Measured
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load

TABLE = {
    "state": (1e-7, 3e-7, 9e-7),
    "level": (0.0, 0.1, 0.5, 0.9, 1.0),
    "up": ((0.0, 2e-9, 4e-9, 5e-9, 9e-9), (-1e-9, 1e-9, 2e-9, 4e-9, 5e-9), (-2e-9, 0.0, 0.0, 1e-9, 2e-9)),
    "down": ((-3e-9, -1e-9, 0.0, 0.0, 1e-9), (-6e-9, -4e-9, -3e-9, 0.0, 1e-9), (-9e-9, -8e-9, -3e-9, -2e-9, 0.0)),
}
GIVEN = {"w_max": 1.0, "w_min": -1.0, "table": TABLE}
PER_STATE = 2.0 / 8e-7
SIDE = 100


def steps_from(device, w, up):
    array = CrossbarArray("W", 0, SIDE, SIDE, 1.0, device, (Block(0, 0, SIDE, SIDE),), None, UpdateSpec(), None, 4)
    array.w[:] = w
    array.touch()
    x = np.ones((1, SIDE), np.float32)
    array.update(x, -x if up else x, device.dw_min, DrawSite(Purpose.UPDATE, 0, 0))
    return array.w.astype(float).ravel() - np.float32(w)


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("state", [0, 1, 2, 1.5])
def test_steps_have_the_distribution_of_the_table(state, up):
    device = Measured(Measured.Parameters(**GIVEN))
    rows = np.array(TABLE["up" if up else "down"]) * PER_STATE
    # Between states, quantiles are interpolated; near a bound the clip would cut the distribution off.
    at = np.interp(state, range(3), TABLE["state"])
    w = float(np.clip(-1 + (at - 1e-7) * PER_STATE, -0.97, 0.97))
    at = 1e-7 + (w + 1) / PER_STATE
    quantiles = np.array([np.interp(at, TABLE["state"], column) for column in rows.T])
    steps = np.sort(steps_from(device, w, up))
    # Kolmogorov-Smirnov on 8 samples, familywise 1e-3: each at 1.25e-4, whose critical value is 2.20/√n. Levels that
    # share a quantile are a jump, where the sample may lie anywhere between them.
    n, tiny = steps.size, 2e-7
    below = np.array([np.interp(s - tiny, quantiles, TABLE["level"], left=0, right=1) for s in steps])
    above = np.array([np.interp(s + tiny, quantiles, TABLE["level"], left=0, right=1) for s in steps])
    rank = np.arange(n)
    distance = max((rank / n - above).max(), (below - (rank + 1) / n).max())
    assert distance < 2.20 / np.sqrt(n)
    assert steps.min() >= quantiles[0] - tiny and steps.max() <= quantiles[-1] + tiny


def test_the_mean_step_is_that_of_the_table_at_zero_unless_given():
    at, levels = 5e-7, np.diff(TABLE["level"])
    means = [
        np.interp(at, TABLE["state"], [np.dot(np.add(r[1:], r[:-1]) / 2, levels) for r in TABLE[way]])
        for way in ("up", "down")
    ]
    expected = (means[0] - means[1]) / 2 * PER_STATE
    assert Measured(Measured.Parameters(**GIVEN)).dw_min == pytest.approx(expected)
    scaled = Measured(Measured.Parameters(**GIVEN, dw_min=2 * expected))
    assert scaled.dw_min == pytest.approx(2 * expected)
    plain = Measured(Measured.Parameters(**GIVEN))
    assert steps_from(scaled, 0.0, True) == pytest.approx(2 * steps_from(plain, 0.0, True), abs=1e-6)


CHIP = """name: chip
summary: s
extends: protonic-psg
device:
  model: measured
  parameters:
    w_max: 1
    w_min: -1
    table: steps.csv
"""


def quantile_csv():
    lines = ["direction,state," + ",".join(map(str, TABLE["level"]))]
    for way in ("up", "down"):
        lines += [f"{way},{s}," + ",".join(map(str, row)) for s, row in zip(TABLE["state"], TABLE[way], strict=True)]
    return "\n".join(lines)


def test_a_file_is_found_beside_the_target_and_its_content_is_hashed(tmp_path):
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "steps.csv").write_text(quantile_csv())
    first = load(tmp_path / "chip.yaml")
    assert first.device.parameters["table"] == TABLE
    np.savez(tmp_path / "steps.npz", **{name: np.array(rows) for name, rows in TABLE.items()})
    (tmp_path / "chip.yaml").write_text(CHIP.replace("steps.csv", "steps.npz"))
    assert load(tmp_path / "chip.yaml").content_hash == first.content_hash
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "steps.csv").write_text(quantile_csv().replace("9e-09", "8e-09"))
    assert load(tmp_path / "chip.yaml").content_hash != first.content_hash
    again = Measured(Measured.Parameters(**first.device.parameters))
    assert again.parameters.table == Measured.Parameters(**GIVEN).table


def test_single_pulses_are_gathered_to_a_table(tmp_path):
    rng = np.random.default_rng(0)
    states, up = rng.uniform(1e-7, 9e-7, 20_000), rng.random(20_000) < 0.5
    steps = np.where(up, 1.0, -2.0) * rng.exponential(1e-9, 20_000)
    lines = [
        f"{'up' if u else 'down'},{s!r},{d!r}" for u, s, d in zip(up, states.tolist(), steps.tolist(), strict=True)
    ]
    (tmp_path / "steps.csv").write_text("direction,state,step\n" + "\n".join(lines))
    (tmp_path / "chip.yaml").write_text(CHIP)
    table = Measured.Parameters(**load(tmp_path / "chip.yaml").device.parameters).table
    assert len(table.state) == 16 and len(table.level) == 33
    # Means of about 620 exponential steps: |z| below 4.2 for 32 comparisons at 1e-3; the tail's quantiles add a little.
    assert table.mean(True) == pytest.approx(np.full(16, 1e-9), rel=4.2 / np.sqrt(600) + 0.05)
    assert table.mean(False) == pytest.approx(np.full(16, -2e-9), rel=4.2 / np.sqrt(600) + 0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            None,
            "must be a file that can be read, not 'steps.csv' (No such file or directory); check the path and the file",
        ),
        (
            "a,b\n1,2",
            "must be a file whose header is direction, state and step, or direction, state and the levels, not that of "
            "'steps.csv'; mend its first line",
        ),
        (
            "direction,state,step\nupwards,1,2",
            "must be a file of lines of 3 values that begin with up or down, not as line 2 of "
            "'steps.csv'; mend that line",
        ),
        (
            "direction,state,step\nup,1,2",
            "must be a file with at least 8 pulses up and down in each of 16 parts of the range, not 'steps.csv'; "
            "measure more, or give quantiles",
        ),
        (
            "direction,state,0,1\nup,1,0,1\nup,2,0,1\ndown,1,-1,0",
            "must be a file with the same states up and down, in order, not 'steps.csv'; complete it",
        ),
        (
            "direction,state,0,1\nup,1,1,0\nup,2,0,1\ndown,1,-1,0\ndown,2,-1,0",
            "must be sound: quantiles must not fall, as in 'up' of the table; sort each of its rows",
        ),
        (
            "direction,state,0,0.9\nup,1,1,0\nup,2,0,1\ndown,1,-1,0\ndown,2,-1,0",
            "must be sound: the levels of the table must rise from 0 to 1; add the smallest and the largest step",
        ),
    ],
)
def test_wrong_files_are_refused_with_a_sentence(tmp_path, text, said):
    (tmp_path / "chip.yaml").write_text(CHIP)
    if text is not None:
        (tmp_path / "steps.csv").write_text(text)
    with pytest.raises(TargetError) as caught:
        load(tmp_path / "chip.yaml")
    assert caught.value.problems == [f"{tmp_path / 'chip.yaml'}:9:12: device.parameters.table {said}"]


def test_an_archive_that_is_none_is_refused(tmp_path):
    (tmp_path / "chip.yaml").write_text(CHIP.replace("steps.csv", "steps.npz"))
    (tmp_path / "steps.npz").write_text("no archive")
    with pytest.raises(
        TargetError, match=r"not 'steps.npz' \(ValueError: it is no archive of arrays\); check the path"
    ):
        load(tmp_path / "chip.yaml")


def test_a_table_that_does_not_move_the_mean_device_is_refused():
    with pytest.raises(ValidationError, match="must raise the state at w = 0, on the mean; mend the table"):
        Measured.Parameters(**GIVEN | {"table": TABLE | {"up": TABLE["down"], "down": TABLE["up"]}})
