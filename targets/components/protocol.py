"""What a component of a chip states of itself: events with energies, latency, initiation interval, area.

A component is one file with one class and one line in `components.registry`. The ledger's cost table, the check that no
cost is missing, and the list of what `not_modelled` may name are all built from these statements.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ohmflow.targets.components.footprint import Footprint, units_of
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.inventory import of_component
from ohmflow.targets.schema.target import Target

JOULE = Quantity.parse("1 J").dimension
SQUARE_METRE = Quantity.parse("1 m^2")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is counted and has an energy.

    Attributes:
        component: as in the ledger.
        name: as in the ledger; for leakage, the kind of unit that leaks for one cycle.
        path: the path by which `not_modelled` can leave it out.
        needs: paths of the figures from which the energy follows; without one of them it is missing.
        section: path that must be there for the event to happen at all.
        energy: joules of one, exact; called only when all `needs` are there.
        optional: whether chips without that section are whole, so that it has no place in their price lists.
    """

    component: str
    name: str
    path: str
    needs: tuple[str, ...]
    section: str
    energy: Callable[[Target], Quantity]
    optional: bool = False

    def price(self, target: Target) -> float | None:
        """Joules of one event, or None where it is not modelled, or the target has no such component."""
        if not target.is_modelled(self.path) or any(target.quantity(path) is None for path in self.needs):
            return None
        energy = self.energy(target)
        assert energy.dimension == JOULE, f"{self.component}.{self.name} is priced in {energy}"
        return energy.si


class Component(Protocol):
    """One kind of component."""

    @property
    def name(self) -> str:
        """Name in messages and tables."""
        ...

    def events(self) -> tuple[Event, ...]:
        """What is counted of it, on any target."""
        ...

    def latency(self, target: Target) -> int | None:
        """Cycles from the start of its action to the result, or None where it has none of its own."""
        ...

    def initiation_interval(self, target: Target) -> int | None:
        """Cycles from one action to the next, or None where it has none of its own."""
        ...

    def footprints(self) -> tuple[Footprint, ...]:
        """What it covers, on any target."""
        ...

    def area(self, target: Target) -> Quantity | None:
        """Its area on the whole chip, or None where the target has none of it or some of it is not modelled."""
        ...


class Untimed:
    """Base of components without a latency or interval of their own."""

    name: str = ""

    def footprints(self) -> tuple[Footprint, ...]:
        """None: what it covers is part of another component's area."""
        return ()

    def latency(self, target: Target) -> int | None:
        """None: its time is part of another component's."""
        return None

    def initiation_interval(self, target: Target) -> int | None:
        """None: its time is part of another component's."""
        return None

    def area(self, target: Target) -> Quantity | None:
        """Its area on the whole chip: as the inventory has it, else its footprints times the units that have them."""
        if target.inventory:
            names = dict.fromkeys((self.name, *(footprint.component for footprint in self.footprints())))
            found = [of_component(target.inventory, name, "area") for name in names]
            return sum((area for area in found if area is not None), start=SQUARE_METRE * 0) if any(found) else None
        there = [footprint for footprint in self.footprints() if footprint.is_there(target)]
        areas = [(footprint, footprint.area(target)) for footprint in there]
        total = SQUARE_METRE * 0
        for footprint, each in areas:
            if each is None:
                return None
            total += each * (footprint.count(target) * units_of(target, footprint.level))
        return total if areas else None


def given(path: str) -> Callable[[Target], Quantity]:
    """Price by a figure of the target as it stands."""

    def energy(target: Target) -> Quantity:
        return need(target, path)

    return energy


def leak(path: str) -> Callable[[Target], Quantity]:
    """Price one cycle of leakage: power / clock."""

    def energy(target: Target) -> Quantity:
        return need(target, path) / need(target, "chip.clock")

    return energy


def need(target: Target, path: str) -> Quantity:
    """A figure that an event's `needs` promise."""
    quantity = target.quantity(path)
    assert quantity is not None, f"{path} must be among the event's needs"
    return quantity


def priced(component: str, name: str, path: str, section: str, optional: bool = False) -> Event:
    """An event whose energy is one figure of the target, at the path that also leaves it out."""
    return Event(component, name, path, (path,), section, given(path), optional)


def leakage(unit: str, path: str, section: str, optional: bool = False) -> Event:
    """The leakage of one unit in one cycle."""
    return Event("leakage", unit, path, (path, "chip.clock"), section, leak(path), optional)
