"""Devices that are left alone, against the laws."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.ageing import AgeingSpec
from ohmflow.runtime.device_view.ageing import closed_form, moments
from ohmflow.runtime.device_view.bench import ViewOptions
from ohmflow.runtime.device_view.view import examine
from ohmflow.targets.registry import load

FEW = ViewOptions(devices=5, pulses=5)


@pytest.mark.parametrize(
    "laws",
    [
        {"device.retention": "{time_constant: 1e4 s, level: -0.1}"},
        {"device.retention": "{time_constant: 10 ms, shape: 0.5}"},
        {"device.drift": "{exponent: 0.05, reference_time: 20 s}"},
        {
            "device.retention": "{time_constant: 1e3 s}",
            "device.drift": "{exponent: 0.05, reference_time: 20 s}",
        },
    ],
)
def test_devices_without_spread_follow_the_law(laws: dict[str, str]) -> None:
    view = examine(load("protonic-psg", laws), FEW)
    assert view.ageing is not None
    law = closed_form(view.ageing.spec)
    assert law is not None
    for seen in (view.ageing.high, view.ageing.low):
        told = np.array([law(seen.start, s) for s in view.ageing.seconds.tolist()])
        # Time is saved up until it moves a weight by 2^-12 of its way.
        assert np.abs(seen.w - told[:, np.newaxis]).max() < 2.0**-12 * 1.2


def test_laws_with_different_levels_have_no_closed_form_together() -> None:
    assert closed_form(AgeingSpec(time_constant=1.0, drift_exponent=0.1, drift_level=0.2)) is None


def test_moments_reach_from_before_the_first_law_to_after_the_last() -> None:
    seconds = moments(AgeingSpec(time_constant=1e4, drift_exponent=0.1, drift_reference=20.0), (-1.0, 1.0))
    assert seconds[0] <= 2.0 and seconds[-1] >= 2e6
    assert np.allclose(np.diff(np.log10(seconds)), 1 / 12)


def test_targets_that_say_nothing_of_time_have_no_such_view() -> None:
    assert examine(load("rpu-2016"), FEW).ageing is None
