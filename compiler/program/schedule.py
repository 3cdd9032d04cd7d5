"""A schedule: one entry of a program resolved for one execution, as plain integer arrays.

This is all that a clock model reads, and `docs/microarchitecture.md` is its meaning. The event engine
(`ohmflow.runtime.machine.clock`) and the stepping model of the tests both take exactly this.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FIXED, READ, COUNTED = 0, 1, 2
"""Timing rules of an instruction (`kind`)."""

PHASES = ("forward", "backward", "update", "transfer", "program", "evaluation", "idle")
"""Phases in the order of their index."""

ACTIVITIES = ("busy", "message", "credit", "converter", "barrier")
"""What the cycles of an instruction are: at work, or stalled for a message, a credit, a converter bank or a barrier."""

MAX_DEPTH = 4
"""Loops that may enclose an instruction."""

_STRIDE = ("stride", np.int64, (MAX_DEPTH,))
_TIMING = ("kind", "phase", "wait0", "wait1", "signal", "t0", "t1", "t2", "t3")
INSTRUCTION = np.dtype([*((name, np.int32) for name in _TIMING), ("count", np.int64), _STRIDE])
LOOP = np.dtype(
    [*((name, np.int32) for name in ("begin", "end", "parent")), ("trip", np.int64), ("count", np.int64), _STRIDE]
)
CHANNEL = np.dtype([(name, np.int32) for name in ("src", "dst", "depth", "flits", "route_begin", "route_end")])

MULTICAST, SUM = 0, 1
"""Kinds of tree (`kind`)."""

TREE = np.dtype([(name, np.int32) for name in ("kind", "begin", "end", "adder")])
"""Channels that work together: one message to all of their ends, or the messages of all added up on their way."""


@dataclass(frozen=True)
class Schedule:
    """Plain arrays; every field as `docs/microarchitecture.md` ("A schedule") defines it.

    Attributes:
        stream: [U + 1] first instruction of each unit, and the end.
        instructions: [I] rows of `INSTRUCTION`.
        loops: [K] rows of `LOOP`, parents before children.
        channels: [C] rows of `CHANNEL`.
        route: flat link numbers; a channel's route is `route[route_begin:route_end]`.
        hop: [L] cycles from grant to the head reaching the link's far end.
        counts: flat counts, all >= 0.
        unit_names: [U] names for messages.
        trees: [T] rows of `TREE`; a channel is in one of them at most.
        flit_cycles: [L] cycles that each flit takes a link; all 1 when not given.
    """

    stream: NDArray[np.int32]
    instructions: NDArray[np.void]
    loops: NDArray[np.void]
    channels: NDArray[np.void]
    route: NDArray[np.int32]
    hop: NDArray[np.int32]
    counts: NDArray[np.int64]
    unit_names: tuple[str, ...] = field(default=())
    trees: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, TREE))
    flit_cycles: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def __post_init__(self) -> None:
        """Let every flit take every link for a cycle when nothing else is said."""
        if len(self.flit_cycles) != len(self.hop):
            assert not len(self.flit_cycles), "of every link, or of none"
            object.__setattr__(self, "flit_cycles", np.ones(len(self.hop), np.int32))

    def unit_name(self, unit: int) -> str:
        """Name of a unit for messages: its given name, else `unit N`."""
        return self.unit_names[unit] if unit < len(self.unit_names) else f"unit {unit}"


@dataclass(frozen=True)
class Timeline:
    """What a clock model says of one schedule.

    Attributes:
        cycles: the cycle in which the entry ends.
        phase_cycles: [U, 7] cycles of each unit by phase, idle included; every row sums to `cycles`.
        executed: [I] how often each instruction ran.
        link_busy: [L] cycles in which each link was busy.
        activity: [I, 5] cycles of each instruction by `ACTIVITIES`; those of a unit and its finished cycles sum to
            `cycles`.
        link_wait: [L] cycles that packets waited in each link's queue, summed over packets.
        issues: (instruction, issue, release, completion) [N, 4] in order of unit, then issue; empty when not recorded.
        grants: (link, channel, entry into its queue, grant) [M, 4] in order of link, then grant; empty when not
            recorded. In a tree the channel is the lowest one whose route takes the link.
        reused: cycles that were not stepped through, since they repeat what went before; all else counts them.
    """

    cycles: int
    phase_cycles: NDArray[np.int64]
    executed: NDArray[np.int64]
    link_busy: NDArray[np.int64]
    activity: NDArray[np.int64]
    link_wait: NDArray[np.int64]
    issues: NDArray[np.int64]
    grants: NDArray[np.int64]
    reused: int = 0
