"""What a view says of devices, against the closed forms of their models and what the target states."""

import numpy as np
import pytest

from ohmflow.runtime.device_view.bench import DOWN, UP, DeviceBench, ViewOptions
from ohmflow.runtime.device_view.errors import DeviceViewError, NotPulsedError
from ohmflow.runtime.device_view.view import DeviceView, examine
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target


def chip(model: str, half_select: float = 0.0, **parameters: float) -> Target:
    """rpu-2016 with other devices."""
    given = {"dw_min": 0.01, "w_max": 1.0, "w_min": -1.0} | parameters
    own = {"device.model": model, "device.half_select_step": str(half_select)}
    # Spreads of the chip that are not asked for are 0.
    spreads = {f"{k}_dtod": 0.0 for k in ("dw_min", "up_down", "w_max", "w_min")} | {"dw_min_ctoc": 0.0}
    return load("rpu-2016", own | {f"device.parameters.{k}": str(v) for k, v in (spreads | given).items()})


@pytest.fixture(scope="module")
def spread() -> DeviceView:
    """Soft bounds with spread of all kinds."""
    parameters = {"dw_min_dtod": 0.2, "dw_min_ctoc": 0.3, "up_down": 0.2, "up_down_dtod": 0.3}
    parameters |= {"w_max_dtod": 0.1, "w_min_dtod": 0.1}
    return examine(chip("soft-bounds", 0.05, **parameters), ViewOptions(devices=1000, seed=4))


def test_soft_bounds_rise_and_fall_as_their_closed_form() -> None:
    view = examine(chip("soft-bounds"), ViewOptions(devices=3, pulses=100))
    # Pulse n up leaves b_max − (b_max − b_min)·(1 − s/b_max)^n, then the same downwards from there.
    rise = 1.0 - 2.0 * 0.99 ** view.swing.pulses.clip(max=100)
    fall = -1.0 + (rise + 1.0) * 0.99 ** (view.swing.pulses - 100).clip(min=0)
    np.testing.assert_allclose(view.swing.w, np.repeat(fall[:, np.newaxis], 3, axis=1), atol=1e-5)


def test_constant_steps_saturate_at_the_bounds() -> None:
    view = examine(chip("constant-step"), ViewOptions(devices=2))
    assert view.pulses == 250
    assert view.swing.w.max() == 1.0
    np.testing.assert_allclose(view.states, 200.0, rtol=1e-4)  # float32 steps from 0
    assert (view.swing.w[[0, -1]] == -1.0).all()


def test_symmetry_point_is_where_steps_up_and_down_are_equal() -> None:
    # s₊ = 1.2·dw_min and s₋ = 0.8·dw_min: (s₊ − s₋)/(s₊/b_max − s₋/b_min) = 0.4/2.
    view = examine(chip("soft-bounds", up_down=0.4), ViewOptions(devices=3))
    # Points are after whole pairs, at the lower end of a saw of one step.
    np.testing.assert_allclose(view.symmetry, 0.2, atol=0.01)


def test_constant_steps_have_no_symmetry_point() -> None:
    assert examine(chip("constant-step"), ViewOptions(devices=3)).settled.size == 0


def test_devices_that_drift_to_a_bound_have_no_symmetry_point() -> None:
    view = examine(chip("constant-step", up_down=0.5, dw_min_ctoc=0.3), ViewOptions(devices=20))
    assert (view.above.w[-1] > 0.95).all()
    assert (view.below.w[-1] > 0.95).all()
    assert view.settled.size == 0


def test_symmetry_points_spread_as_their_devices_do(spread: DeviceView) -> None:
    assert spread.settled.size > 0.99 * 1000
    # The closed form of each device, from its own steps and bounds.
    up, down = (steps.mean(axis=0) for steps in spread.steps)
    expected = (up + down) / (up / spread.high + down / spread.low)
    own = np.isfinite(spread.symmetry)
    assert np.corrcoef(spread.symmetry[own], expected[own])[0, 1] > 0.95


def test_figures_find_the_spreads_that_the_target_states(spread: DeviceView) -> None:
    up, down = spread.step_figures
    # 0.2 of the step and half of 0.3 of the asymmetry. Of 1000 devices, the deviation of a deviation is
    # 0.25/√2000 = 0.006; four of them.
    assert up.dtod == pytest.approx(0.25, abs=0.024)
    assert down.dtod == pytest.approx(0.25, abs=0.024)
    assert up.ctoc == pytest.approx(0.3, abs=0.01)
    assert up.mean == pytest.approx(1.1, abs=0.032)
    assert down.mean == pytest.approx(-0.9, abs=0.032)
    assert spread.high.std() == pytest.approx(0.1, abs=0.01)


def test_step_curve_is_the_model() -> None:
    up, down = examine(chip("soft-bounds"), ViewOptions(devices=20)).curves
    known = np.isfinite(up.step)
    assert known.sum() > 30
    np.testing.assert_allclose(up.step[known], 1.0 - up.w[known], atol=1e-4)
    np.testing.assert_allclose(down.step[known], -1.0 - down.w[known], atol=1e-4)


def test_half_selected_devices_move_by_their_share() -> None:
    view = examine(chip("constant-step", 0.1), ViewOptions(devices=2, pulses=50))
    np.testing.assert_allclose(view.half_up.w[:, 0], 0.001 * view.half_up.pulses, atol=1e-6)
    np.testing.assert_allclose(view.half_down.w[:, 0], -0.001 * view.half_down.pulses, atol=1e-6)


def test_half_selected_devices_stay_where_the_target_says_nothing_of_them() -> None:
    view = examine(load("protonic-psg"), ViewOptions(devices=2, pulses=10))
    assert view.half_select == 0.0
    assert not view.half_up.w.any()
    assert not view.half_down.w.any()


def test_each_vector_is_one_pulse_on_every_device() -> None:
    bench = DeviceBench(chip("constant-step", dw_min_ctoc=0.0), ViewOptions(devices=50))
    assert (np.abs(bench.steps_from(0.0, UP, 3, 0) - 0.01) < 1e-8).all()
    assert (np.abs(bench.steps_from(0.0, DOWN, 3, 0) + 0.01) < 1e-8).all()


def test_equal_seeds_give_equal_views_and_others_do_not() -> None:
    target = load("rpu-2016")
    one, same, other = (examine(target, ViewOptions(5, 20, seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.swing.w, same.swing.w)
    assert np.array_equal(one.steps[0], same.steps[0])
    assert not np.array_equal(one.swing.w, other.swing.w)


@pytest.mark.parametrize(
    "model",
    [
        {"model": "exp-step", "A_up": 0.02, "A_down": 0.05, "gamma_up": 3.0, "gamma_down": 3.0, "a": 0.8, "b": 0.1},
        {"model": "pow-step", "gamma_up": 0.3, "gamma_down": 0.3},
        {"model": "linear-step", "gamma_up": 0.3, "gamma_down": 0.3, "write_noise": 1.0},
    ],
    ids=lambda given: str(given["model"]),
)
def test_every_pulsed_model_can_be_looked_at(model: dict[str, float]) -> None:
    target = chip(str(model["model"]), **{k: v for k, v in model.items() if k != "model"})
    view = examine(target, ViewOptions(devices=4, pulses=30))
    assert view.swing.w[30].mean() > view.swing.w[0].mean()


@pytest.mark.parametrize("name", ["ideal", "puma"])
def test_devices_without_pulses_are_refused(name: str) -> None:
    with pytest.raises(NotPulsedError, match=r"device\.model must be one that is pulsed"):
        examine(load(name), ViewOptions())


@pytest.mark.parametrize(
    "given", [{"devices": 1}, {"devices": 10_001}, {"pulses": 0}, {"pulses": 100_001}, {"seed": -1}, {"seed": 2**64}]
)
def test_numbers_out_of_range_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(DeviceViewError, match=r"^--\w+: must be .*, not -?\d+; "):
        ViewOptions(**given)


def test_more_work_than_a_look_is_worth_is_refused() -> None:
    with pytest.raises(DeviceViewError, match=r"^--pulses: must be at most 3000 with 10000 devices, not 3001; "):
        examine(load("rpu-2016"), ViewOptions(devices=10_000, pulses=3001))
