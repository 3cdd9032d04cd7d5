"""What a target may say of time and use, and where."""

import pytest

from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load

RETENTION = {"device.retention": "{time_constant: 1e4 s}"}


def test_time_dependent_devices_say_so() -> None:
    laws = RETENTION | {
        "device.drift": "{exponent: 0.05, reference_time: 20 s}",
        "device.diffusion": "{deviation: 1e-4, after: 1 s}",
    }
    assert load("rpu-2016", laws).device.ageing == ("retention", "drift", "diffusion")
    assert load("rpu-2016").device.ageing == ()
    assert load("rpu-2016", {"device.endurance": "{pulses: 1e8}"}).device.ageing == ()


def test_what_is_left_out_has_no_spread_and_rests_at_zero() -> None:
    law = load("rpu-2016", RETENTION).device.retention
    assert law is not None
    assert (law.spread.si, law.level.si, law.level_spread.si, law.shape.si) == (0.0, 0.0, 0.0, 1.0)


def test_each_figure_of_ageing_changes_the_hash_and_its_absence_does_not() -> None:
    hashes = {
        load("rpu-2016", change).content_hash
        for change in (
            {},
            RETENTION,
            {"device.retention": "{time_constant: 2e4 s}"},
            {"device.retention": "{time_constant: 1e4 s, level: 0.1}"},
            {"device.endurance": "{pulses: 1e8}"},
            {"device.endurance": "{pulses: 1e8, beyond: stuck}"},
        )
    }
    assert len(hashes) == 6


@pytest.mark.parametrize(
    ("target", "changes", "sentence"),
    [
        (
            "ideal",
            RETENTION,
            "device.retention must be left out for device.model 'ideal', which has no pulses; remove it",
        ),
        (
            "rpu-2016",
            {"device.retention": "{time_constant: 1e4}"},
            "device.retention.time_constant must be a time, not '1e4'; write a unit of time such as '1e4 s'",
        ),
        (
            "rpu-2016",
            {"device.retention": "{time_constant: 0 s}"},
            "device.retention.time_constant must be a time greater than zero, not '0 s'; write one such as '1e4 s'",
        ),
        (
            "rpu-2016",
            {"device.drift": "{exponent: -0.1, reference_time: 20 s}"},
            "device.drift.exponent must be a plain number of zero or more, not '-0.1'; write one such as 0.3",
        ),
        (
            "rpu-2016",
            {"device.endurance": "{pulses: 1e8, beyond: stick}"},
            "device.endurance.beyond must be report or stuck, not 'stick'; write 'stuck'",
        ),
    ],
)
def test_wrong_figures_are_refused(target: str, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(TargetError) as refused:
        load(target, changes)
    assert any(problem.endswith(f": {sentence}") for problem in refused.value.problems), refused.value.problems


def test_laws_in_seconds_are_refused_on_targets_without_time() -> None:
    pulsed = {
        "device.model": "constant-step",
        "device.parameters": "{dw_min: 0.01, w_max: 1, w_min: -1}",
        "tile.update.train_length": "31",
    }
    with pytest.raises(TargetError) as refused:
        load("ideal", pulsed | RETENTION)
    assert any(
        problem.endswith(
            "device.retention must be left out where time is not modelled, since it counts in seconds; remove it, or "
            "give the target a clock and take 'time' from not_modelled"
        )
        for problem in refused.value.problems
    )
    load("ideal", pulsed | {"device.endurance": "{pulses: 1e8}"})
