"""Learning rates by epoch."""

import math

import pytest

from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.schedule import parse_schedule


def rates(text: str, epochs: int, lr: float = 0.4) -> list[float]:
    return [parse_schedule(text).rate(lr, epoch, epochs) for epoch in range(1, epochs + 1)]


def test_constant_rate_stays() -> None:
    assert rates("constant", 3) == [0.4] * 3


def test_steps_count_from_their_epoch_on() -> None:
    assert rates("steps:0.5@2,4", 5) == [0.4, 0.2, 0.2, 0.1, 0.1]


def test_steps_may_raise_the_rate() -> None:
    assert rates("steps:2@3", 3) == [0.4, 0.4, 0.8]


def test_cosine_begins_with_the_whole_rate_and_never_reaches_zero() -> None:
    found = rates("cosine", 4)
    assert found == pytest.approx([0.4 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)])
    assert found[0] == 0.4 and found[-1] > 0


@pytest.mark.parametrize(
    "text", ["", "linear", "steps", "steps:", "steps:0@2", "steps:inf@2", "steps:0.1@", "steps:0.1@1", "steps:0.1@3,3"]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(RunError, match=r"^--lr-schedule: .*must"):
        parse_schedule(text)
