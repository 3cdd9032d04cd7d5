"""The digital unit of a node: elements of simple and of special operators."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, leakage, priced
from ohmflow.targets.schema.target import Target

_SECTION = "chip.vector_unit"


class VectorUnit(Untimed):
    """A vector unit."""

    name = "vector unit"

    def footprints(self) -> tuple[Footprint, ...]:
        """One a node."""
        return (placed("vector unit", "node", _SECTION),)

    def events(self) -> tuple[Event, ...]:
        """Elements processed, and the leakage of a cycle."""
        return (
            priced("vector", "vector_op", f"{_SECTION}.op_energy", _SECTION),
            priced("vector", "vector_special_op", f"{_SECTION}.special_op_energy", _SECTION),
            leakage("vector", f"{_SECTION}.leakage", _SECTION),
        )

    def latency(self, target: Target) -> int | None:
        """Cycles of the pipeline."""
        return None if target.chip is None else target.chip.vector_unit.latency

    def initiation_interval(self, target: Target) -> int | None:
        """Cycles of a group of lanes, of simple operators."""
        return None if target.chip is None else target.chip.vector_unit.ii
