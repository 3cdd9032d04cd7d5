"""Checks of devices that see one of two pulses: whose law says how far they move, and under which update scheme."""

from collections.abc import Iterator

from ohmflow.targets.device_models import DeviceModelError, has_half_select_law
from ohmflow.targets.view import Fault, View

_SCHEME = "stochastic-compressed"
"""The only update scheme of which it is said slot by slot what each line does to a device."""
_STEP, _LAW = "device.half_select_step", "device.voltage"


def half_select(view: View) -> Iterator[Fault]:
    """Faults of what half-selected pulses do."""
    yield from _one_law(view)
    yield from _whole_pulses(view)
    cause = _cause(view)
    scheme = view.value("tile.update.scheme")
    if cause and scheme and scheme != _SCHEME:
        yield Fault(
            "tile.update.scheme",
            f"tile.update.scheme must be {_SCHEME} where half-selected devices move, by {cause}, not '{scheme}'; write "
            f"'{_SCHEME}', or '{_STEP}: 0' without device.voltage",
        )


def _one_law(view: View) -> Iterator[Fault]:
    step = view.quantity(_STEP)
    if step is not None and step.value > 1:
        yield Fault(
            _STEP, f"{_STEP} must be at most 1, the step of a whole pulse, not '{step}'; write one such as 0.02"
        )
    if view.given(_STEP) and view.given(_LAW):
        yield Fault(_STEP, f"{_STEP} must be left out where {_LAW} says what it is; remove one of the two")
    if not _has_law(view):
        return
    model = view.value("device.model")
    if view.given(_LAW):
        yield Fault(
            _LAW,
            f"{_LAW} must be left out for device.model '{model}', whose own law says what half the amplitude does; "
            "remove it, and set the law's parameters",
        )
    if step is not None and step.value > 0:
        yield Fault(
            _STEP,
            f"{_STEP} must be 0 or left out for device.model '{model}', whose own law says what half the amplitude "
            f"does, not '{step}'; remove it, and set the law's parameters",
        )


def _whole_pulses(view: View) -> Iterator[Fault]:
    # A law of the voltage stays true of a device that is not half selected; a figure of that step says nothing of it.
    if view.given(_STEP) and view.given("device.pulse") and view.value("device.pulse.scheme") == "full":
        yield Fault(
            _STEP,
            f"{_STEP} must be left out where device.pulse.scheme is full, which half selects no device; "
            "remove it, or write 'scheme: half-select'",
        )


def _has_law(view: View) -> bool:
    model = view.value("device.model")
    try:
        return bool(model) and has_half_select_law(model)
    except DeviceModelError:
        return False  # said by the check of the model


def _cause(view: View) -> str | None:
    """What makes half-selected devices move; None where they stay."""
    if not view.given("device.pulse") or view.value("device.pulse.scheme") != "half-select":
        return None
    if view.given(_LAW):
        return _LAW
    if view.given(_STEP):
        step = view.quantity(_STEP)
        return _STEP if step is not None and step.value > 0 else None
    return f"the law of device.model '{view.value('device.model')}'" if _has_law(view) else None
