"""Device presets say what is published: steps, ranges and asymmetries, converted to how devices are described here."""

from math import exp

import pytest

from ohmflow.targets.cells import cell_facts
from ohmflow.targets.registry import available, load
from ohmflow.targets.schema.target import Target
from ohmflow.targets.validation import compare

PRESETS = [info.name for info in available() if info.family.startswith("Published devices")]
SIBLINGS = ["protonic-psg-optimistic", "protonic-psg-pessimistic"]

# As published: range by dw_min, spreads of steps between devices and pulses.
# ReRamES states 1481 = 2 / 0.00135 with the whole asymmetry on the step down.
PUBLISHED = {
    "ecram-li-2018": (1000, 0.1, 0.3),
    "ecram-mo-2019": (7089, 0.1, 2.0),
    "gokmen-vlasov-2016": (1250, 0.3, 0.3),
    "idealized-2019": (10000, 0.3, 0.3),
    "reram-sb-2018": (1000, 0.3, 3.75),
    "capacitor-2018": (400, 0.1, 0.3),
}
ASYMMETRY = {
    # (up - down) by the mean of both, at w_min and at w_max
    "ecram-li-2018": (0.750, -0.642),
    "ecram-mo-2019": (1.318, -1.108),
    "capacitor-2018": (0.10, -0.10),
}
U = 0.259359
"""Mean asymmetry of ReRamES, all of it taken from the step down."""


def number(target: Target, name: str) -> float:
    return target.device.parameters.get(name, 0.0)


def test_every_published_device_is_there() -> None:
    assert {*PUBLISHED, "reram-es-2018", "pcm-2020", "reram-om-2022", "reram-hfo2-2022", "ecram-ysz-2023"} == {*PRESETS}


@pytest.mark.parametrize("name", [*PRESETS, *SIBLINGS])
def test_preset_contradicts_nothing_that_it_transcribes(name: str) -> None:
    target = load(name)
    assert not [row for row in compare(target) if row.contradicts]
    assert target.executes and target.has_time
    step, (low, high) = cell_facts(target)
    assert 0 < step < high - low


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_on_the_chip_of_all_presets(name: str) -> None:
    target, other = load(name), load(PRESETS[0])
    assert target.chip == other.chip
    assert target.tile.adc == other.tile.adc and target.tile.read == other.tile.read
    assert (target.tile.crossbar.rows, target.tile.crossbar.cols) == (512, 512)


@pytest.mark.parametrize("name", PUBLISHED)
def test_range_and_spreads_are_the_published_ones(name: str) -> None:
    target = load(name)
    states, dtod, ctoc = PUBLISHED[name]
    span = number(target, "w_max") - number(target, "w_min")
    assert span / number(target, "dw_min") == pytest.approx(states, rel=1e-4)
    assert (number(target, "dw_min_dtod"), number(target, "dw_min_ctoc")) == (dtod, ctoc)


@pytest.mark.parametrize("name", ASYMMETRY)
def test_asymmetry_at_the_bounds_is_the_published_one(name: str) -> None:
    target = load(name)
    found = []
    for w in (number(target, "w_min"), number(target, "w_max")):
        up = 1 - number(target, "gamma_up") * w / number(target, "w_max")
        down = 1 - number(target, "gamma_down") * w / number(target, "w_min")
        found.append(2 * (up - down) / (up + down))
    assert found == pytest.approx(ASYMMETRY[name], abs=6e-4)


def test_steps_of_the_metal_oxide_spread_as_those_of_lithium() -> None:
    absolute = [number(load(n), "dw_min") * number(load(n), "dw_min_ctoc") for n in ("ecram-mo-2019", "ecram-li-2018")]
    assert absolute == pytest.approx([5.6e-4, 6e-4], abs=5e-6)


def test_asymmetric_steps_of_reram_are_those_of_the_other_convention() -> None:
    target = load("reram-es-2018")
    step, u = number(target, "dw_min"), number(target, "up_down")
    assert step * (1 + u / 2) == pytest.approx(0.00135, rel=1e-5)
    assert step * (1 - u / 2) == pytest.approx(0.00135 * (1 - U), rel=1e-5)
    assert step * number(target, "dw_min_dtod") == pytest.approx(0.00135 * 0.2, rel=1e-5)
    assert step * number(target, "write_noise") == pytest.approx(0.00135 * 75, rel=1e-5)
    # One direction's share of the spread of the asymmetry.
    assert step * number(target, "up_down_dtod") / 2 == pytest.approx(0.00135 * 0.05, rel=1e-5)
    assert 2 / 0.00135 == pytest.approx(1481, abs=1)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("ecram-li-2018", 0.01),
        ("gokmen-vlasov-2016", 0.01),
        ("capacitor-2018", 0.06),
        ("reram-sb-2018", 0.01),
        ("rpu-2016", 0.01),
        ("protonic-psg", 0.01),
    ],
)
def test_spread_of_the_asymmetry_is_shared_by_both_directions(name: str, published: float) -> None:
    assert number(load(name), "up_down_dtod") == pytest.approx(2 * published)


def test_phase_change_steps_are_the_published_exponential() -> None:
    target = load("pcm-2020")
    a, gamma, lost = -1.0, 2.5, -27.235
    for g in (0.0, 0.5, 2.0):
        z = 2 * a * g / 2.0
        published = 1 - lost * exp(gamma * z)
        ours = 1 - number(target, "A") * exp(number(target, "kappa") * g / number(target, "w_max"))
        assert ours == pytest.approx(published)
    assert number(target, "w_max") / number(target, "dw_min") == 200
    assert target.tile.crossbar.cell == "differential-pair"
    assert target.tile.crossbar.weight_cols == 256


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("reram-om-2022", (0.0949, 0.7829, 0.4158, 1.4113, 0.3499, 0.5695)),
        ("reram-hfo2-2022", (0.4622, 0.7125, 0.2174, 0.5841, 0.4295, 0.5990)),
    ],
)
def test_fits_of_whole_arrays_are_the_published_ones(name: str, figures: tuple[float, ...]) -> None:
    target = load(name)
    names = ("dw_min", "dw_min_dtod", "dw_min_ctoc", "write_noise", "w_max_dtod", "w_min_dtod")
    assert tuple(number(target, key) for key in names) == figures
    assert number(target, "reference_std") == 0.05
    assert target.device.parameters["dw_min_dtod_log_normal"]


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings_differ_from_the_protonic_target_in_low_confidence_steps_alone(name: str) -> None:
    target, other = load(name), load("protonic-psg")
    assert target.tile == other.tile and target.chip == other.chip
    assert target.device.pulse == other.device.pulse
    low = {path for path, _, _ in target.low_confidence()}
    stated = {path for path in target.origins if path.startswith("device.parameters.")}
    assert stated <= low and len(stated) > 10


def test_optimistic_steps_are_symmetric_and_linear_and_pessimistic_ones_worse_than_the_stand_in() -> None:
    best, middle, worst = (load(name) for name in (SIBLINGS[0], "protonic-psg", SIBLINGS[1]))
    assert number(best, "gamma_up") == number(best, "gamma_down") == number(best, "up_down") == 0
    for key in ("dw_min", "dw_min_dtod", "dw_min_ctoc", "gamma_up", "gamma_down", "w_max_dtod", "up_down_dtod"):
        assert number(best, key) <= number(middle, key) < number(worst, key)
