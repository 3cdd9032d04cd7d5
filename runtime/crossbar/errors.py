"""Faults of crossbar arrays."""


class CrossbarError(Exception):
    """Base of the crossbar errors; `exit_status` is what the shell returns."""

    exit_status = 2


class SpecError(CrossbarError):
    """A figure of a read, an update, a block or a conductance range is outside of what can be simulated."""


class ShapeError(CrossbarError):
    """A matrix of vectors, or of weights, does not fit the array."""


class NotFiniteError(CrossbarError):
    """An update's inputs or errors hold infinities or no numbers: training has diverged."""

    exit_status = 3


class StateError(CrossbarError):
    """A state that is to be restored is not that of such an array."""


class IrDropError(CrossbarError):
    """Wires, conductances or voltages can not be solved for IR drop."""
