"""Checks of what holds a weight: that the keys of a cell fit each other, its device, and what is modelled of it."""

from collections.abc import Iterator

from ohmflow.targets.device_models import DeviceModelError, is_pair
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.view import Fault, View

_OF_SEVERAL = ("cell_devices", "cell_significance")
_ONE_DEVICE = {
    "device.retention": "ages",
    "device.drift": "ages",
    "device.diffusion": "ages",
    "device.endurance": "wears out",
    "tile.read.flicker": "flickers",
}
"""What is modelled of a device that is a whole cell with its reference, and not of each device of a cell."""


def cells(view: View) -> Iterator[Fault]:
    """All faults of a cell."""
    cell = view.value("tile.crossbar.cell")
    if cell is None:
        return
    for key in _OF_SEVERAL:
        if view.given(f"tile.crossbar.{key}") and cell != "multi-device":
            yield Fault(
                f"tile.crossbar.{key}",
                f"tile.crossbar.{key} must be left out where the cell is {cell}; remove it, or write "
                "'cell: multi-device'",
            )
    columns = {"differential-pair": 2, "multi-device": view.value("tile.crossbar.cell_devices") or 2}.get(cell, 1)
    cols = view.value("tile.crossbar.cols")
    if cols is not None and cols < columns:
        yield Fault(
            "tile.crossbar.cols",
            f"tile.crossbar.cols must be at least the {columns} that one {cell} cell takes, not '{cols}'; "
            f"write one such as {columns * 64}",
        )
    yield from _model(view, str(cell))
    if cell == "single-with-reference":
        return
    for path, verb in _ONE_DEVICE.items():
        if view.given(path):
            yield Fault(
                path, f"{path} must be left out where the cell is {cell}: no device {verb} by itself; remove it"
            )
    step = view.quantity("device.half_select_step")
    if view.given("device.voltage") or (step is not None and step.value > 0):
        path = "device.voltage" if view.given("device.voltage") else "device.half_select_step"
        yield Fault(
            path,
            f"{path} must be left out where the cell is {cell}: half-selected devices of such cells do not move in the "
            "model; remove it",
        )
    if view.value("tile.read.ir_drop") in ("fast", "exact"):
        yield Fault(
            "tile.read.ir_drop",
            f"tile.read.ir_drop must be none where the cell is {cell}, whose columns are not solved one by one; "
            "write 'none'",
        )
    if view.given("tile.read.temperature") and view.given("tile.crossbar.cell_significance"):
        yield Fault(
            "tile.read.temperature",
            "tile.read.temperature must be left out where devices of a cell have different gains; remove it",
        )


def _model(view: View, cell: str) -> Iterator[Fault]:
    model = view.value("device.model")
    if not model:
        return
    several = cell != "single-with-reference"
    if several and model in ("ideal", FIXED):
        yield Fault(
            "tile.crossbar.cell",
            f"tile.crossbar.cell must be single-with-reference for device.model '{model}', not '{cell}'; write "
            "'single-with-reference'",
        )
        return
    try:
        pair = is_pair(model)
    except DeviceModelError:
        return  # said by the check of the model
    if pair and cell != "differential-pair":
        yield Fault(
            "tile.crossbar.cell",
            f"tile.crossbar.cell must be differential-pair for device.model '{model}', which is a pair, not '{cell}'; "
            "write 'differential-pair'",
        )
    if pair and view.value("tile.crossbar.cell_pulses") == "in-turn":
        yield Fault(
            "tile.crossbar.cell_pulses",
            f"tile.crossbar.cell_pulses must be left out for device.model '{model}', which says itself which device a "
            "pulse moves; remove it",
        )
