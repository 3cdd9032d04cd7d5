"""What time does to weights, against closed forms. Statistical claims of a test hold together with 1 - 1e-3."""

import math

import numpy as np
import pytest

from ohmflow.runtime.crossbar.ageing import LAG, AgeingSpec
from ohmflow.runtime.crossbar.ageing_kernel import exponential, natural_log
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair

AT = DrawSite(Purpose.UPDATE, 0, 0)
TAU = 1e4
ROUNDING = 2.0**-23
"""Of one float32 operation on a weight below 2, with room for one more."""


@pytest.fixture
def aged(make_array):
    """An array with weights in [-0.9, 0.9] whose devices age."""

    def make(rows=30, cols=40, weights=None, **figures):
        more = {name: figures.pop(name) for name in ("steps", "seed", "blocks", "device") if name in figures}
        array = make_array(rows, cols, ageing=AgeingSpec(**figures), **more)
        if weights is None:
            weights = np.random.default_rng(1).uniform(-0.9, 0.9, (rows, cols)).astype(np.float32)
        array.program(np.broadcast_to(weights, (rows, cols)))
        return array

    return make


def test_what_is_above_rest_halves_in_the_half_life(aged):
    array = aged(time_constant=TAU, level=-0.25)
    before = array.w.astype(float)
    array.elapse(TAU * math.log(2))
    assert np.abs(array.w - (-0.25 + (before + 0.25) / 2)).max() < ROUNDING


@pytest.mark.parametrize("share", [1e-3, 0.1, 3.0, 25.0, 1e6])
def test_retention_is_exponential_over_any_time(aged, share):
    array = aged(time_constant=TAU)
    before = array.w.astype(float)
    array.elapse(share * TAU)
    assert np.allclose(array.w, before * math.exp(-share), rtol=2 * ROUNDING, atol=1e-15)


LAWS = [
    {"time_constant": TAU, "time_constant_spread": 0.3, "level": 0.1, "level_spread": 0.2},
    {"time_constant": TAU, "time_constant_spread": 0.3, "shape": 0.5},
    {"drift_exponent": 0.05, "drift_spread": 0.3, "drift_reference": 20.0},
]


@pytest.mark.parametrize("law", LAWS)
def test_two_waits_are_one_wait(aged, law):
    once, twice = aged(**law), aged(**law)
    once.elapse(9000.0)
    twice.elapse(1500.0)
    twice.elapse(7500.0)
    assert not np.array_equal(once.w, aged(**law).w)
    assert np.abs(once.w - twice.w).max() < 2 * ROUNDING


def test_steps_too_short_for_float32_add_up(aged):
    # Each changes a weight by 1e-9 of itself: alone, none would.
    array = aged(2, 2, time_constant=TAU)
    before = array.w.astype(float)
    for _ in range(100_000):
        array.elapse(1e-5)
    assert np.array_equal(array.w, before)
    for _ in range(1_000):
        array.elapse(1.0)
    behind = array.w / (before * math.exp(-1001.0 / TAU)) - 1
    assert behind.min() > -1e-6 and behind.max() < LAG


def test_stretched_retention_is_a_stretched_exponential_of_the_time_since_the_write(aged):
    array = aged(time_constant=TAU, shape=0.4)
    before = array.w.astype(float)
    for wait in (1.0, 99.0, 900.0, 9e4):
        array.elapse(wait)
    assert np.allclose(array.w, before * math.exp(-((9.1e4 / TAU) ** 0.4)), rtol=1e-6)


@pytest.mark.parametrize("shape", [0.08, 0.3, 0.7, 1.0, 2.0, 4.0, 10.0])
def test_no_weight_is_further_behind_the_clock_than_is_said(aged, shape):
    array = aged(1, 3, 0.8, time_constant=1.0, shape=shape)
    # Boundaries as dense as the law is fast: in logarithms where it begins at once, else even.
    times = np.geomspace(1e-20, 3.0, 3000) if shape < 1 else np.linspace(0.0, 3.0, 30_001)[1:]
    before, worst = 0.0, 0.0
    for t in times:
        array.elapse(t - before)
        before = t
        worst = max(worst, float(array.w[0, 0]) / np.float32(0.8) - math.exp(-(t**shape)))
    assert worst <= LAG * 1.001 + 40 * ROUNDING
    # Of shape 10 no more than 7·10⁻⁵ s may be saved up, which is less than a step; of 0.08 next to nothing.
    assert worst > LAG / 10 or not 0.1 < shape < 5, "time was saved up at all"


@pytest.mark.parametrize("shape", [0.2, 0.5])
def test_devices_that_every_step_writes_lose_what_each_steps_own_seconds_take(make_array, shape):
    # A step is far too short to be applied by itself; the law begins anew, and so at its steepest, in every one.
    seconds, steps, pulse = (2e-5) ** (1 / shape), 400, 2.0**-8
    array = make_array(1, 2, steps={"dw_min": pulse}, update=UpdateSpec(1), ageing=AgeingSpec(1.0, shape=shape))
    array.program(np.full((1, 2), 0.5))
    expected = np.array([0.5, 0.5])
    for step in range(steps):
        sign = 1 if step % 2 else -1
        array.update(np.ones((1, 1), np.float32), np.array([[sign, 0]], np.float32), pulse, AT._replace(step=step))
        array.elapse(seconds)
        expected[0] = (expected[0] - sign * pulse) * math.exp(-(seconds**shape))
    expected[1] *= math.exp(-((steps * seconds) ** shape))
    assert expected[0] < 0.5 * (1 - 30 * LAG)
    assert np.abs(array.w[0] - expected).max() < LAG


def test_time_constants_are_spread_log_normally_over_devices(aged, critical_z):
    spread, side = 0.3, 120
    array = aged(side, side, 0.8, time_constant=TAU, time_constant_spread=spread)
    array.elapse(TAU)
    logs, n = -np.log(-np.log(array.w / np.float32(0.8)).astype(float)), side * side
    assert abs(logs.mean()) * np.sqrt(n) / spread < critical_z(2)
    assert abs(logs.var() / spread**2 - 1) / np.sqrt(2 / n) < critical_z(2)


def test_levels_are_spread_over_devices(aged, critical_z):
    side = 100
    array = aged(side, side, 0.5, time_constant=1.0, level=0.1, level_spread=0.05)
    array.elapse(1e3)
    assert abs(array.w.mean() - 0.1) * side / 0.05 < critical_z(2)
    assert abs(array.w.var() / 0.05**2 - 1) / np.sqrt(2) * side < critical_z(2)


def test_weights_stop_at_bounds_that_their_level_is_beyond(aged):
    array = aged(time_constant=1.0, level=1.5)
    array.elapse(1e3)
    assert np.array_equal(array.w, np.ones_like(array.w))


def test_drift_is_a_line_of_slope_nu_in_logarithms_and_nothing_before_its_reference(aged):
    nu, reference = 0.06, 20.0
    array = aged(drift_exponent=nu, drift_reference=reference)
    before = array.w.astype(float)
    array.elapse(reference)
    assert np.array_equal(array.w, before)
    times, left = [reference], [1.0]
    for factor in range(1, 12):
        array.elapse(reference * 2.0**factor - times[-1])
        times.append(reference * 2.0**factor)
        left.append(float(np.median(array.w / before)))
    slopes = np.diff(np.log(left)) / np.diff(np.log(times))
    assert np.abs(slopes + nu).max() < 1e-6


def test_a_pulse_that_moves_a_device_starts_its_drift_anew_and_no_other(aged):
    array = aged(4, 6, 0.5, drift_exponent=0.05, drift_reference=1.0)
    array.elapse(1000.0)
    assert np.allclose(array.w, 0.5 * 1000.0**-0.05, rtol=1e-6)
    x, d = np.ones((1, 4), np.float32), np.zeros((1, 6), np.float32)
    d[0, 2] = -1.0
    array.update(x, d, 0.001, AT)
    moved = array.w.copy()
    array.elapse(1000.0)
    others = np.arange(6) != 2
    assert np.allclose(array.w[:, 2], moved[:, 2] * 1000.0**-0.05, rtol=1e-6)
    assert np.allclose(array.w[:, others], moved[:, others] * 2.0**-0.05, rtol=1e-6)


def test_programming_starts_drift_anew_though_weights_stay(aged):
    array = aged(4, 6, 0.5, drift_exponent=0.05, drift_reference=1.0)
    array.elapse(1000.0)
    held = array.w.copy()
    array.program(held)
    array.elapse(10.0)
    assert np.allclose(array.w, held * 10.0**-0.05, rtol=1e-6)


def chi_square_bounds(n, critical):
    """Of a variance estimate over the truth, n being large."""
    return 1 - critical * math.sqrt(2 / n), 1 + critical * math.sqrt(2 / n)


def test_wandering_has_a_variance_proportional_to_time_and_no_memory(aged, critical_z):
    rho, side = 1e-3, 100
    array = aged(side, side, 0.0, deviation=rho)
    low, high = chi_square_bounds(side * side, critical_z(5))
    array.elapse(100.0)
    first = array.w.astype(float)
    array.elapse(300.0)
    second = array.w.astype(float)
    assert low < (first**2).mean() / (rho**2 * 100) < high
    assert low < (second**2).mean() / (rho**2 * 400) < high
    assert low < ((second - first) ** 2).mean() / (rho**2 * 300) < high
    assert abs(np.corrcoef(first.ravel(), (second - first).ravel())[0, 1]) * side < critical_z(5)
    assert abs(second.mean()) * side / (rho * 20) < critical_z(5)


def test_wandering_in_many_short_steps_has_the_variance_of_the_whole(aged, critical_z):
    rho, side, steps = 1e-3, 60, 200
    array = aged(side, side, 0.0, deviation=rho)
    for _ in range(steps):
        array.elapse(0.5)
    low, high = chi_square_bounds(side * side, critical_z(1))
    assert low < (array.w.astype(float) ** 2).mean() / (rho**2 * steps * 0.5) < high


def test_wandering_stops_at_the_bounds(aged):
    array = aged(deviation=1.0)
    array.elapse(100.0)
    assert np.abs(array.w).max() == 1.0


ALL = {
    "time_constant": TAU,
    "time_constant_spread": 0.3,
    "level_spread": 0.1,
    "shape": 0.7,
    "drift_exponent": 0.05,
    "drift_spread": 0.3,
    "drift_reference": 5.0,
    "deviation": 1e-4,
    "deviation_spread": 0.2,
}
NOISY = {"dw_min": 0.001, "dw_min_ctoc": 0.3, "write_noise": 2.0}


def train(array, pairs, steps):
    for step in steps:
        array.update(*pairs(6, *array.w.shape, seed=step), 0.05, AT._replace(step=step))
        array.elapse(0.37)


def test_equal_seeds_give_equal_bits_and_others_do_not(aged, pairs):
    one, two, other = aged(**ALL), aged(**ALL), aged(**ALL, seed=12)
    for array in (one, two, other):
        train(array, pairs, range(20))
    assert one.w.tobytes() == two.w.tobytes()
    assert one.w.tobytes() != other.w.tobytes()


def test_ageing_does_not_depend_on_how_an_array_is_split(aged, pairs):
    whole, cut = aged(6, 9, **ALL), aged(6, 9, **ALL, blocks=(Block(0, 0, 6, 4), Block(0, 4, 6, 5)))
    for array in (whole, cut):
        train(array, pairs, range(20))
    assert whole.w.tobytes() == cut.w.tobytes()


@pytest.mark.parametrize("stop", [1, 7, 13])
def test_an_array_that_goes_on_from_its_state_ages_bit_for_bit(aged, pairs, stop):
    whole, first, second = (aged(6, 9, steps=NOISY, **ALL) for _ in range(3))
    train(whole, pairs, range(20))
    train(first, pairs, range(stop))
    second.restore(first.state())
    train(second, pairs, range(stop, 20))
    assert {k: v.tobytes() for k, v in second.state().items()} == {k: v.tobytes() for k, v in whole.state().items()}
    assert set(whole.state()) == {"w", "hidden", "clock", "written", "seen"}


def test_what_pulses_act_on_ages_along_with_what_reads_see(aged, pairs):
    array = aged(6, 9, steps=NOISY, time_constant=TAU)
    train(array, pairs, range(3))
    w, hidden = array.w.astype(float), array.hidden.astype(float)
    assert not np.array_equal(w, hidden)
    array.elapse(TAU)
    assert np.allclose(array.w, w * math.exp(-1), rtol=1e-3) and np.allclose(array.hidden, hidden * math.exp(-1), 1e-3)


def test_wandering_moves_both_alike(aged, pairs):
    array = aged(6, 9, steps=NOISY, deviation=1e-3)
    array.update(*pairs(6, 6, 9), 0.05, AT)
    stray = (array.w - array.hidden).copy()
    array.elapse(100.0)
    assert np.abs(array.w - array.hidden - stray).max() < 4 * ROUNDING


def test_without_laws_time_changes_no_bit_and_no_state(aged, make_array, pairs):
    still, plain = aged(6, 9), make_array(6, 9)
    plain.program(still.w)
    for array in (still, plain):
        train(array, pairs, range(3))
    assert still.w.tobytes() == plain.w.tobytes() and set(still.state()) == {"w"}


def test_pairs_of_devices_hold_what_time_made_of_their_weight(aged):
    device = OneSidedPair(OneSidedPair.Parameters(dw_min=0.01, w_max=1.0, w_min=-1.0))
    array = aged(5, 5, device=device, time_constant=TAU)
    array.elapse(TAU)
    held = array.planes.g[1] - array.planes.g[0]
    assert np.abs(held - array.w).max() < ROUNDING


def test_own_logarithm_and_exponential_are_exact_in_float64():
    rng = np.random.default_rng(3)
    for x in [*np.exp(rng.uniform(-40, 40, 200)), *(1 + 10.0 ** -np.arange(1, 15)), 1.0]:
        assert abs(natural_log(x) - math.log(x)) <= 4e-16 * max(abs(math.log(x)), 1e-300)
    for y in rng.uniform(-30, 30, 200):
        assert abs(exponential(y) / math.exp(y) - 1) < 1e-14


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (
            {"time_constant": 0.0},
            "ageing.time_constant: it must be above 0 and finite, not 0.0; give seconds, or None",
        ),
        ({"shape": math.inf}, "ageing.shape: it must be above 0 and finite, not inf; write one such as 1"),
        ({"deviation": -1.0}, "ageing.deviation: it must be at least 0 and finite, not -1.0; write 0 for none"),
        ({"level": math.nan}, "ageing.level: it must be finite, not nan; write 0"),
    ],
)
def test_figures_out_of_range_are_refused(figures, sentence):
    with pytest.raises(SpecError) as refused:
        AgeingSpec(**figures)
    assert str(refused.value) == sentence
