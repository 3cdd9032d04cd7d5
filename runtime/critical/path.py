"""The critical path: from the last completion back to cycle 0, each span the cause of the one after it.

Spans touch: each ends where the next begins, so their cycles sum to the cycles of the entry. Where several causes fall
into the same cycle, the unit's own previous instruction is named first, then a message, then a credit; any of them
alone would have held the unit up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ohmflow.compiler.program.schedule import READ, Schedule, Timeline
from ohmflow.runtime.critical.links import Came, Causes

END, ORDER, MESSAGE, CREDIT, CONVERTER, LINK = "end", "order", "message", "credit", "converter", "link"
REASONS = (ORDER, MESSAGE, CREDIT, CONVERTER, LINK, END)
"""Why the next span had to wait for this one."""


@dataclass(frozen=True)
class Span:
    """Cycles in which one thing held everything up.

    Attributes:
        place: number of the unit, or of the link.
        on_link: whether it is a link.
        instruction: that ran, or whose message the link carried.
        channel: of the message on a link, else -1.
        begin: its first cycle.
        end: one past its last cycle, where the next span begins.
        reason: what the next span waited for: `order` (the unit was taken), `message` (what it works on), `credit`
            (room in the receiver's buffer), `converter` (a bank), `link` (a packet before it); `end` for the last one.
    """

    place: int
    on_link: bool
    instruction: int
    channel: int
    begin: int
    end: int
    reason: str

    @property
    def cycles(self) -> int:
        """How many."""
        return self.end - self.begin


_Step = Callable[[], "_Step | None"]


def critical_path(schedule: Schedule, timeline: Timeline) -> tuple[Span, ...]:
    """Find what an entry's cycles were spent on, one after the other.

    Args:
        schedule: that was timed.
        timeline: with issues and grants recorded.

    Returns:
        Spans from cycle 0 to the end; their cycles sum to `timeline.cycles`. A span may have none: a read that is
        released in the cycle in which its bank becomes free.
    """
    return _Walk(Causes(schedule, timeline), schedule).spans()


class _Walk:
    """Goes back; `_at_…` appends the span that ends in a cycle and returns how to go on."""

    def __init__(self, causes: Causes, schedule: Schedule) -> None:
        self._causes, self._kinds = causes, schedule.instructions["kind"]
        self._found: list[Span] = []

    def spans(self) -> tuple[Span, ...]:
        causes = self._causes
        if not len(causes.complete):
            return ()
        last = int(causes.complete.argmax())
        step = self._at_unit(last, int(causes.complete[last]), END)
        while step is not None:
            step = step()
        return tuple(reversed(self._found))

    def _at_unit(self, row: int, end: int, reason: str) -> _Step | None:
        """An execution whose release, completion or bank the next span waited for."""
        causes = self._causes
        instruction, unit = int(causes.instruction[row]), int(causes.unit[row])
        begin, other = int(causes.issue[row]), int(causes.bank_before[row])
        free = int(causes.converting[other]) if other >= 0 else 0
        waits = self._kinds[instruction] == READ and free > causes.driven(row)
        self._found.append(Span(unit, False, instruction, -1, free if waits else begin, end, reason))
        if waits:
            return lambda: self._at_unit(other, free, CONVERTER)
        return lambda: self._before_issue(row)

    def _before_issue(self, row: int) -> _Step | None:
        causes = self._causes
        issue, before = int(causes.issue[row]), causes.before(row)
        if (int(causes.release[before]) if before >= 0 else 0) == issue:
            return (lambda: self._at_unit(before, issue, ORDER)) if before >= 0 else None
        for channel, number in causes.awaited(row):
            came = causes.arrival(channel, number)
            if came.cycle == issue:
                return lambda: self._at(came, issue, MESSAGE)
        creditor = next((c for c in causes.creditors(row) if causes.release[c] == issue), None)
        assert creditor is not None, "an issue has a cause"
        return lambda: self._at_unit(creditor, issue, CREDIT)

    def _at(self, came: Came, end: int, reason: str) -> _Step | None:
        return self._at_link(came.row, end, reason) if came.on_link else self._at_unit(came.row, end, reason)

    def _at_link(self, packet: int, end: int, reason: str) -> _Step:
        """A packet that went over a link from its grant on, or from when the adder in front of it had all branches."""
        causes = self._causes
        channel, number, grant = int(causes.channel[packet]), causes.number(packet), int(causes.grant[packet])
        sender, link = causes.sender(channel, number), int(causes.link[packet])
        instruction, entry = int(causes.instruction[sender]), int(causes.entry[packet])
        begin = grant if entry < grant else grant - causes.adder(packet)
        self._found.append(Span(link, True, instruction, channel, begin, end, reason))
        if entry < grant:  # the link was taken
            before = packet - 1
            assert causes.link[before] == link and causes.grant[before] + causes.busy(before) == grant
            return lambda: self._at_link(before, grant, LINK)
        last = next((came for came in causes.before_link(packet) if came.cycle == begin), None)
        assert last is not None, "a message came from somewhere"
        return lambda: self._at(last, begin, MESSAGE)
