"""What a timeline worked out by hand says: a schedule, and what must come out."""

from dataclasses import dataclass

from ohmflow.compiler.program.schedule import Schedule


@dataclass(frozen=True)
class Expected:
    """The timeline of a schedule.

    Attributes:
        cycles: the cycle in which the entry ends.
        issues: for every unit (instruction counted from the unit's first, issue, release, completion), in issue order.
        phases: for every unit named, its cycles by phase; phases that are left out have none. `idle` is left out when
            it is what remains.
        links: for every link, in the order of their numbers, its busy cycles.
        activity: for every unit named, each instruction's cycles (busy, message, credit, converter, barrier); what is
            left out at the end is 0.
        waits: for every link, the cycles that packets waited for it.
    """

    cycles: int
    issues: dict[str, list[tuple[int, int, int, int]]]
    phases: dict[str, dict[str, int]]
    links: tuple[int, ...] = ()
    activity: dict[str, list[tuple[int, ...]]] | None = None
    waits: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ExpectedDeadlock:
    """The schedule is in deadlock.

    Attributes:
        stuck: for every stuck unit, the instruction (counted from the unit's first) that can not issue.
    """

    stuck: dict[str, int]


@dataclass(frozen=True)
class ExpectedLeftOver:
    """Messages are left.

    Attributes:
        between: source and destination of the channel.
    """

    between: tuple[str, str]


@dataclass(frozen=True)
class HandTimeline:
    """One case."""

    name: str
    schedule: Schedule
    expected: Expected | ExpectedDeadlock | ExpectedLeftOver
