"""The clock engine: a schedule's timeline, cycle-accurate as `docs/microarchitecture.md` defines it.

`Clock` packs what stays the same between steps once; `simulate` is the one-off form. Latency and initiation interval,
contention, back-pressure and data-dependent counts are all in the timeline; numbers computed by the crossbars are not
this module's business.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import FIXED, MAX_DEPTH, SUM, Schedule, Timeline
from ohmflow.compiler.program.ways import Ways, edge_cycles, way_faults, ways_of
from ohmflow.runtime.machine import clock_columns as columns
from ohmflow.runtime.machine import clock_kernel as kernel
from ohmflow.runtime.machine.clock_flits import FlitNetwork, entries_of, head_grants, link_sums, make_flits
from ohmflow.runtime.machine.clock_flits_kernel import Flits
from ohmflow.runtime.machine.clock_reuse import innermost_loops
from ohmflow.runtime.machine.clock_state import state_sections
from ohmflow.runtime.machine.errors import DeadlockError, EndlessError, LeftOverError, MachineError
from ohmflow.runtime.network.state import HEADS

_INSTRUCTION_FIELDS = ("kind", "phase", "wait0", "wait1", "signal", "t0", "t1", "t2", "t3", "count")
_LOOP_FIELDS = ("begin", "end", "parent", "trip", "count")
_CHANNEL_FIELDS = ("src", "dst", "depth")

MOST_EVENTS = 10_000_000_000
"""Instructions and steps of messages that are stepped through at most, some ten minutes of them; those that are skipped
do not count. The work of a sample is bounded when a program is read, that of data-dependent loops is not."""

_SHOWN = 4
"""Instructions that a message names."""


def _pack(table: NDArray[np.void], fields: tuple[str, ...], strides: bool) -> NDArray[np.int64]:
    """Turn a structured table into a plain [rows, columns] int64 table, strides last."""
    columns = [table[name].astype(np.int64)[:, None] for name in fields]
    if strides:
        columns.append(table["stride"].astype(np.int64).reshape(len(table), MAX_DEPTH))
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


class Clock:
    """A schedule made ready to be timed many times with different counts.

    Args:
        schedule: all but its `counts` is fixed from here on.
        name_of: says what an instruction is, such as `mvm of fc1`; for messages alone.
        network: the mesh of routers that messages cross flit by flit; None reserves links for whole messages.

    Raises:
        MachineError: an address in the schedule lies outside its tables.
        NetworkLevelError: the schedule can not be timed flit by flit.
    """

    def __init__(
        self,
        schedule: Schedule,
        name_of: Callable[[int], str] | None = None,
        network: FlitNetwork | None = None,
    ) -> None:
        self.schedule = schedule
        self._name_of = name_of
        self._stream = schedule.stream.astype(np.int64)
        self._instructions = _pack(schedule.instructions, _INSTRUCTION_FIELDS, strides=True)
        self._loops = _pack(schedule.loops, _LOOP_FIELDS, strides=True)
        self._channels = _pack(schedule.channels, _CHANNEL_FIELDS, strides=False)
        self._check()
        ways = ways_of(schedule.channels, schedule.route, schedule.trees)
        self._channels = np.concatenate([self._channels, _channel_ends(schedule, ways)], axis=1)
        self._steps, self._edges = _pack_ways(schedule, ways)
        self._network, self._ways = network, ways
        if network is not None:
            self._entries = entries_of(network, schedule, ways)
        self._joins = self._steps[self._steps[:, columns.S_BRANCHES_END] > 0]
        self._head, self._nested = _loop_starts(self._loops, len(self._instructions))
        depths = self._channels[:, columns.C_DEPTH]
        self._ring = np.concatenate([[0], np.cumsum(depths)[:-1]]).astype(np.int64)[: len(depths)]
        units, links = len(self._stream) - 1, len(schedule.hop)
        sizes = (units, len(depths), int(depths.sum()), links, len(self._instructions))
        branches = int(self._joins[:, columns.S_BRANCHES_END].max(initial=0))
        self._sections = state_sections(*sizes, branches, int(self._joins[:, columns.S_DEPTH].sum()))
        self._inner = innermost_loops(self._loops, len(self._instructions))
        self._behind = (self._instructions[:, columns.KIND] == FIXED) & (self._instructions[:, columns.T2] != 0)

    def run(
        self, counts: NDArray[np.int64], record: bool = False, reuse: bool = True, most: int = MOST_EVENTS
    ) -> Timeline:
        """Time the schedule with these counts.

        Args:
            counts: flat counts, as the schedule's addresses expect them.
            record: also return every issue and every grant of a link (costs memory).
            reuse: skip periods that repeat the one before, which changes nothing of the timeline but `reused`;
                never done while recording.
            most: instructions and steps of messages that may be stepped through.

        Returns:
            The timeline.

        Raises:
            DeadlockError: units wait for each other, or for messages that are never sent.
            LeftOverError: a message was never consumed.
            EndlessError: there is more to step through than `most`.
        """
        size = (4 * len(self._instructions) + 64, 16 * len(self._instructions) + 64) if record else (0, 0)
        while True:
            issues, grants = np.zeros((size[0], 5), np.int64), np.zeros((size[1], 4), np.int64)
            flits = None if self._network is None else self._flits(self._network, size[1])
            (
                status,
                end,
                phases,
                executed,
                busy,
                activity,
                waited,
                n_issues,
                n_grants,
                pc,
                arrived,
                consumed,
                left,
                reused,
                first_wait,
            ) = kernel.run(
                self._stream,
                self._instructions,
                self._loops,
                self._channels,
                self._steps,
                self._edges,
                self._joins,
                counts,
                self._head,
                self._nested,
                self._ring,
                self._sections,
                issues,
                grants,
                self._inner,
                reuse and not record,
                most,
                flits,
            )
            n_heads = 0 if flits is None else int(flits.net.counters[HEADS])
            if n_issues <= size[0] and max(n_grants, n_heads if record else 0) <= size[1]:
                break
            size = (n_issues, max(n_grants, n_heads))
        if status == kernel.DEADLOCK:
            raise DeadlockError(self._describe_deadlock(int(end), pc, arrived, consumed))
        if status == kernel.TOO_LONG:
            raise EndlessError(self._describe_endless(int(end), most, executed))
        if status == kernel.LEFT_OVER:
            raise LeftOverError(self._describe_left_over(left))
        issues, grants = issues[:n_issues], grants[:n_grants]
        if self._network is not None and flits is not None:
            by_flits = link_sums(flits, self._network, len(busy))
            busy, waited = busy + by_flits[0], waited + by_flits[1]
            if record:
                grants = np.concatenate([grants, head_grants(flits, self._network, n_heads)])
        if record:
            issues = issues[np.argsort(issues[:, 4], kind="stable")]
            grants = grants[np.argsort(grants[:, 0], kind="stable")]
        issues = issues[:, :4]
        activity = self._with_barriers(activity, first_wait)
        return Timeline(int(end), phases, executed, busy, activity, waited, issues, grants, int(reused))

    def _flits(self, network: FlitNetwork, log_rows: int) -> Flits:
        """An empty network."""
        depths = self._channels[:, columns.C_DEPTH]
        return make_flits(network, self._entries, len(depths), int(depths.sum()), log_rows)

    def _with_barriers(self, activity: NDArray[np.int64], first_wait: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take out of the cycles of `message` those for which instructions waited for a barrier."""
        by_kind = np.empty((len(activity), activity.shape[1] + 1), np.int64)
        by_kind[:, :-1] = activity
        by_kind[:, -1] = barrier = first_wait * self._behind
        by_kind[:, columns.MESSAGE] -= barrier
        return by_kind

    def _check(self) -> None:
        """Refuse tables whose addresses point nowhere, which the compiled kernel would follow blindly."""
        channels, loops, instructions = self._channels, self._loops, self._instructions
        units = len(self._stream) - 1
        for column, name in ((columns.WAIT0, "wait0"), (columns.WAIT1, "wait1"), (columns.SIGNAL, "signal")):
            if len(instructions) and not -1 <= instructions[:, column].min() <= instructions[:, column].max() < max(
                len(channels), 0
            ):
                raise MachineError(f"schedule: {name} must name one of {len(channels)} channels")
        if len(channels):
            if channels[:, :2].min() < 0 or channels[:, :2].max() >= units:
                raise MachineError(f"schedule: a channel must join two of {units} units")
            if channels[:, columns.C_DEPTH].min() < 1 or self.schedule.channels["flits"].min() < 1:
                raise MachineError("schedule: a channel's depth and flits must be at least 1")
        if len(self.schedule.flit_cycles) and min(self.schedule.flit_cycles.min(), self.schedule.hop.min()) < 1:
            raise MachineError("schedule: a link must take at least 1 cycle, for a hop and for a flit")
        for fault in way_faults(
            self.schedule.channels, self.schedule.route, self.schedule.trees, len(self.schedule.hop)
        ):
            raise MachineError(f"schedule: {fault}")
        if len(loops) and (
            loops[:, 0].min() < 0 or loops[:, 1].max() > len(instructions) or (loops[:, 0] >= loops[:, 1]).any()
        ):
            raise MachineError("schedule: a loop must enclose at least one instruction")
        if (
            len(instructions)
            and not 0 <= instructions[:, columns.PHASE].min() <= instructions[:, columns.PHASE].max() < 7
        ):
            raise MachineError("schedule: a phase must be one of 7")

    def _unit_of(self, instruction: int) -> int:
        return int(np.searchsorted(self._stream, instruction, side="right") - 1)

    def _describe_deadlock(
        self, end: int, pc: NDArray[np.int64], arrived: NDArray[np.int64], consumed: NDArray[np.int64]
    ) -> str:
        stuck = []
        for unit, at in enumerate(pc):
            if at >= self._stream[unit + 1]:
                continue
            row = self._instructions[at]
            waits = [
                f"a message on channel {c} from {self.schedule.unit_name(int(self._channels[c, 0]))}"
                for c in {int(row[columns.WAIT0]), int(row[columns.WAIT1])} - {-1}
                if arrived[c] <= consumed[c]
            ]
            signal = int(row[columns.SIGNAL])
            if not waits and signal >= 0:
                waits = [f"a credit of channel {signal} to {self.schedule.unit_name(int(self._channels[signal, 1]))}"]
            what = " and ".join(waits) or "a second message on its channel"
            stuck.append(f"{self.schedule.unit_name(unit)} at {self._instruction(int(at))} waits for {what}")
        return (
            f"clock: every unit must reach the end of its stream, but no event is left after cycle {end}: "
            + "; ".join(stuck)
        )

    def _describe_endless(self, end: int, most: int, executed: NDArray[np.int64]) -> str:
        """Name the instructions that ran most often, with their units."""
        order = np.argsort(-executed, kind="stable")[:_SHOWN]
        told = [
            f"{self.schedule.unit_name(self._unit_of(at))} ran {self._instruction(at)} {int(executed[at]):,} times"
            for at in order.tolist()
        ]
        return (
            f"clock: an entry must end within {most:,} instructions and messages, not go on in cycle {end}: "
            + "; ".join(told)
        )

    def _instruction(self, at: int) -> str:
        """Number of an instruction, and what it is."""
        return f"instruction {at}" + (f" ({self._name_of(at)})" if self._name_of is not None else "")

    def _describe_left_over(self, left: NDArray[np.int64]) -> str:
        held = [
            f"channel {c} from {self.schedule.unit_name(int(self._channels[c, 0]))} to "
            f"{self.schedule.unit_name(int(self._channels[c, 1]))} holds {int(left[c])}"
            for c in np.flatnonzero(left)
        ]
        return "clock: every message must be consumed before the entry ends, but " + "; ".join(held)


def _channel_ends(schedule: Schedule, ways: Ways) -> NDArray[np.int64]:
    """[C, 4] the edges on which each channel's messages leave, and the ends of where credits are taken and given."""
    own = np.arange(len(schedule.channels))
    sent, taken = own + 1, own + 1
    for tree in schedule.trees:
        (taken if tree["kind"] == SUM else sent)[int(tree["begin"])] = int(tree["end"])
    return np.stack([ways.start[:-1], ways.start[1:], sent, taken], axis=1)


def _pack_ways(schedule: Schedule, ways: Ways) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The steps and edges that the kernel follows, with the cycles that they take."""
    flits = schedule.channels["flits"].astype(np.int64)[ways.channel]
    pace = schedule.flit_cycles.astype(np.int64)[ways.link]
    depth = np.zeros(len(ways.link), np.int64)
    if len(schedule.trees):
        deepest = schedule.channels["depth"].astype(np.int64).copy()
        for tree in schedule.trees:
            members = slice(int(tree["begin"]), int(tree["end"]))
            deepest[members] = deepest[members].max()
        depth = np.where(ways.branch_end > 0, deepest[ways.channel], 0)
    held = np.concatenate([[0], np.cumsum(depth)])[: len(depth)]
    joins = (ways.branch_begin, ways.branch_end, ways.adder, held, depth)
    steps = np.stack([ways.link, flits * pace, ways.begin, ways.end, ways.channel, *joins], axis=1)
    return steps, np.stack([ways.to, edge_cycles(schedule, ways), ways.branch], axis=1)


def _loop_starts(loops: NDArray[np.int64], instructions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the outermost loop that begins at each instruction, and the loop nested at each loop's begin."""
    head = np.full(instructions + 1, -1, np.int64)
    nested = np.full(len(loops), -1, np.int64)
    for row in range(len(loops)):
        begin, parent = int(loops[row, columns.L_BEGIN]), int(loops[row, columns.L_PARENT])
        if parent >= 0 and loops[parent, columns.L_BEGIN] == begin:
            nested[parent] = row
        else:
            head[begin] = row
    return head, nested


def simulate(schedule: Schedule, record: bool = False, network: FlitNetwork | None = None) -> Timeline:
    """Time one schedule with its own counts. See `Clock.run` for what it raises."""
    return Clock(schedule, network=network).run(schedule.counts.astype(np.int64), record)
