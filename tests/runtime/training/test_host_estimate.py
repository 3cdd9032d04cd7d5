"""The estimate of the host's time, on a clock of our own."""

from ohmflow.runtime.training.host_estimate import HostEstimate
from ohmflow.runtime.training.trainer import Progress


def said(first: float, each: float, steps: int, epochs: int = 1) -> list[str]:
    """What is said in the course of a training whose first step takes another time than the others."""
    times = iter([first + each * k for k in range(steps * epochs)])
    estimate = HostEstimate(lambda: next(times))
    every = [
        estimate.after(Progress(e, epochs, k, steps, 0.0)) for e in range(1, epochs + 1) for k in range(1, steps + 1)
    ]
    return [text for text in every if text is not None]


def test_long_training_is_said_once_without_its_first_step() -> None:
    assert said(900.0, 0.25, 2500, 2) == [
        "about 21 min on this computer (0.25 s a step, 4,995 steps), evaluations not counted"
    ]


def test_hours_and_days_are_said_as_such() -> None:
    assert said(1.0, 1.0, 25_000)[0].startswith("about 6 h 57 min on")
    assert said(1.0, 60.0, 5000)[0].startswith("about 3 days on")


def test_quick_steps_are_measured_over_several() -> None:
    assert said(1.0, 0.002, 100_000) == [
        "about 3 min on this computer (2 ms a step, 99,949 steps), evaluations not counted"
    ]


def test_short_training_says_nothing() -> None:
    assert said(30.0, 0.01, 500) == [] and said(1000.0, 1.0, 1) == []
