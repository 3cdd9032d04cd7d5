"""What an estimate assumes of numbers that it does not compute: names, defaults, and why they are what they are.

An assumption can be changed for all arrays (`activity=0.3`), for one (`activity@fc1.weight=0.3`), or for those of
convolutions (`train@windows=1`). Defaults are round numbers near what runs of the digits perceptron and of LeNet-5
counted; `docs/estimating.md` has the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ohmflow.runtime.estimate.errors import EstimateError


@dataclass(frozen=True)
class Assumption:
    """One number that an estimate rests on.

    Attributes:
        name: by which it is changed.
        default: its value, or None where it follows from the program or from others.
        windows: the default of arrays that are read at the windows of an image, where it is another.
        most: largest value that makes sense.
        unit: what it counts.
        about: what it is, in a line.
        least: smallest value that makes sense.
    """

    name: str
    default: float | None
    windows: float | None
    most: float
    unit: str
    about: str
    least: float = 0.0


INFINITE = float("inf")

WINDOWS = "windows"
"""Stands for all arrays that are read at the windows of an image: those of convolutions. Their errors are sparse, since
a pooling sends each one back to one of its inputs, and each of their updates is one of many that share a step."""

_FORWARD = "inputs of a forward read that are not 0"
_PULSED = "slots in which a device is pulsed [row-rate times col-rate]"
_WEIGHT = "mean device weight under a read [the mean when programmed]"

ASSUMPTIONS = {
    a.name: a
    for a in (
        Assumption("activity", 0.6, None, 1.0, "share", _FORWARD),
        Assumption("level", 0.4, None, 2.0, "of full", "mean input |u| of those lines"),
        Assumption("error-activity", 0.65, 0.2, 1.0, "share", "inputs of a transposed read that are not 0"),
        Assumption("error-level", 0.3, 0.6, 2.0, "of full", "mean input |u| of those lines"),
        Assumption("retries", 0.0, None, 30.0, "a block", "repetitions of a forward read whose outputs left the range"),
        Assumption("train", 2.5, 0.7, 1e5, "slots", "length of an update's pulse train"),
        Assumption("row-rate", 0.17, 0.03, 1.0, "share", "slots of a train in which a row fires"),
        Assumption("col-rate", 0.15, 0.02, 1.0, "share", "slots of a train in which a column fires"),
        Assumption("coincidence-rate", None, None, 1.0, "share", _PULSED),
        Assumption("weight", None, None, INFINITE, "of w", _WEIGHT, -1e9),
        Assumption("trips", 1.0, None, 1e6, "iterations", "of a loop whose trip comes from data"),
    )
}


@dataclass(frozen=True)
class Given:
    """A value that somebody gave or a run recorded.

    Attributes:
        name: of the assumption.
        value: in its unit.
        array: for one array, `WINDOWS`, or empty for all.
        phase: for one phase, or empty for all.
        origin: `given` or `recorded`.
    """

    name: str
    value: float
    array: str = ""
    phase: str = ""
    origin: str = "given"


def parse_assumptions(texts: Iterable[str], arrays: Iterable[str]) -> tuple[Given, ...]:
    """Read `NAME=VALUE` or `NAME@ARRAY=VALUE`.

    Args:
        texts: what was written.
        arrays: names of the program's arrays.

    Raises:
        EstimateError: a name or array is unknown, or a value is out of range.
    """
    known = tuple(arrays)
    return tuple(_parse(text, known) for text in texts)


def _parse(text: str, arrays: tuple[str, ...]) -> Given:
    key, equals, number = (part.strip() for part in text.rpartition("="))
    if not equals or not key:
        raise EstimateError(f"--assume: must be NAME=VALUE, not '{text}'; try --assume activity=0.5")
    name, _, array = key.partition("@")
    if name not in ASSUMPTIONS:
        near = get_close_matches(name, ASSUMPTIONS, 1)
        advice = f"did you mean '{near[0]}'?" if near else "choose one"
        raise EstimateError(f"--assume: the name must be one of {', '.join(ASSUMPTIONS)}, not '{name}'; {advice}")
    if array not in ("", WINDOWS, *arrays):
        near = get_close_matches(array, arrays, 1)
        advice = f"did you mean '{near[0]}'?" if near else "choose one"
        raise EstimateError(
            f"--assume {key}: the array must be {WINDOWS} or one of {', '.join(arrays)}, not '{array}'; {advice}"
        )
    about = ASSUMPTIONS[name]
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not about.least <= value <= about.most or value == INFINITE:
        top = "" if about.most == INFINITE else f" to {about.most:g}"
        raise EstimateError(f"--assume {key}: must be a number from {about.least:g}{top}, not '{number}'; change it")
    return Given(name, value, array)
