"""What one event costs: the ledger's price list, made from the components (`docs/ledger.md`)."""

from collections.abc import Mapping

from ohmflow.targets.components.registry import COMPONENTS, all_events
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target

CostTable = dict[tuple[str, str], float | None]


def cost_table(target: Target) -> CostTable:
    """Price every event of the ledger.

    Returns:
        Joules of one event by (component, event), None where it is not modelled or the target has no such component;
        and joules of one cycle of leakage by ("leakage", kind of unit): tile, vector, router, host.
    """
    return {(event.component, event.name): event.price(target) for event in all_events()}


def missing(table: Mapping[tuple[str, str], float | None]) -> tuple[str, ...]:
    """Name the events without a price, as `component.event`, sorted."""
    return tuple(sorted(f"{component}.{event}" for (component, event), joules in table.items() if joules is None))


def area_mm2(target: Target) -> float | None:
    """Area of the chip in mm², or None unless every component states its own."""
    areas = [component.area(target) for component in COMPONENTS]
    known = [area for area in areas if area is not None]
    if len(known) < len(areas) or not target.is_modelled("area"):
        return None
    total = sum((area.value for area in known), start=Quantity.parse("0 m^2").value)
    return Quantity(total, Quantity.parse("1 m^2").dimension).to("mm^2")
