"""Checks of what is published of a chip: its inventory, its validation, and whether it can be executed."""

from collections.abc import Iterator, Mapping

from ohmflow.targets.model_quantities import is_quantity
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.schema.inventory import KINDS, Part
from ohmflow.targets.schema.validation import Row
from ohmflow.targets.view import Fault, View


def executes(view: View) -> Iterator[Fault]:
    """A device that is never updated has no class in the machine."""
    if view.value("device.model") == FIXED and view.value("executes") is not False:
        yield Fault(
            "device.model",
            f"device.model must be one that the machine can execute, not '{FIXED}', unless the target says that it is "
            "not; add 'executes: false', or write 'constant-step'",
        )


def inventory(view: View) -> Iterator[Fault]:
    """Every part has its power and area, and there are as many tiles in it as on the chip."""
    parts: Mapping[str, Part] = view.value("inventory") or {}
    if not parts:
        return
    if not view.given("chip"):
        yield Fault("inventory", "inventory must be left out where there is no chip that it could be of; remove it")
        return
    yield from _known(parts, "inventory")
    mesh, each = view.value("chip.mesh"), view.value("chip.tiles_per_node") or 1
    tiles = sum(part.count * part.count_of("tile") for part in parts.values())
    if mesh and tiles and tiles != mesh[0] * mesh[1] * each:
        yield Fault(
            "inventory",
            f"inventory must hold as many tiles as the chip has, {mesh[0] * mesh[1] * each}, not '{tiles}'; change a "
            "count, chip.mesh or chip.tiles_per_node",
        )


def _known(parts: Mapping[str, Part], path: str) -> Iterator[Fault]:
    for name, part in parts.items():
        place = f"{path}.{name}"
        for kind in KINDS:
            if not part.is_known(kind) and not part.parts:
                sample = "1 mW" if kind == "power" else "0.01 mm^2"
                text = f"{place}.{kind} must be given, not left out, since a sum needs it; add '{kind}: {sample}'"
                yield Fault(place, text, (f"{place}.{kind}",))
        yield from _known(part.parts, f"{place}.parts")


def validation(view: View) -> Iterator[Fault]:
    """Every row names a quantity that targets can have."""
    rows: Mapping[str, Row] = view.value("validation") or {}
    for name, row in rows.items():
        if not is_quantity(row.model):
            yield Fault(
                f"validation.{name}.model",
                f"validation.{name}.model must name a quantity of the model, not '{row.model}'; write a figure's path, "
                "a path in the inventory, or a name that docs/describing-a-chip.md lists",
            )
