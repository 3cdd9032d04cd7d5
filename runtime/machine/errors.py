"""Faults of the simulated machine. They end a run; their text names units and cycles."""


class MachineError(Exception):
    """Base of the machine's errors; `exit_status` is what the shell returns."""

    exit_status = 1


class DeadlockError(MachineError):
    """No unit can go on and no event is left: the program's waits form a cycle, or a message is never sent."""


class LeftOverError(MachineError):
    """An entry ended while a channel still held a message that nobody consumed."""


class EndlessError(MachineError):
    """An entry has more to step through than the clock allows: its data-dependent loops do not end in any sane time."""


class WaitError(MachineError):
    """The machine can not wait for such a time, or its target has none."""

    exit_status = 2


class ScratchpadError(MachineError):
    """What a step must keep does not fit a unit's memory; a smaller batch or a larger memory is the way out."""

    exit_status = 3


class StandInError(MachineError):
    """Operators of the program have stand-ins, which have no values: it can be timed, not executed."""

    exit_status = 3


class NetworkLevelError(MachineError):
    """The network can not be simulated flit by flit as it is asked for."""

    exit_status = 3
