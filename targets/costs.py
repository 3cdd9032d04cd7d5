"""What one event costs: the ledger's price list, made from the components (`docs/ledger.md`)."""

from collections.abc import Mapping

from ohmflow.targets.area import area_mm2
from ohmflow.targets.components.registry import all_events
from ohmflow.targets.schema.target import Target

__all__ = ["CostTable", "area_mm2", "cost_table", "missing"]

CostTable = dict[tuple[str, str], float | None]


def cost_table(target: Target) -> CostTable:
    """Price every event of the ledger.

    Returns:
        Joules of one event by (component, event), None where it is not modelled or the target has no such component;
        optional components that it lacks are not in the table. And joules of one cycle of leakage by ("leakage", kind
        of unit): tile, vector, router, host, and dram where there is any.
    """
    there = [event for event in all_events() if not event.optional or target.has_section(event.section)]
    return {(event.component, event.name): event.price(target) for event in there}


def missing(table: Mapping[tuple[str, str], float | None]) -> tuple[str, ...]:
    """Name the events without a price, as `component.event`, sorted."""
    return tuple(sorted(f"{component}.{event}" for (component, event), joules in table.items() if joules is None))
