"""The sequencer of the stepping model: walks a stream with its loops, and finds counts.

See `docs/microarchitecture.md`, "A schedule" and "The sequencer". Loop control takes no cycles, and counts do not
change, so the walk is a generator of instructions in the order in which they execute.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ohmflow.compiler.program.schedule import Schedule
from tests.machine.stepping_seen import Seen


@dataclass
class Loop:
    """One row of the loop table, with the loops directly inside it by where they begin."""

    begin: int
    end: int
    trip: int
    count: int
    stride: tuple[int, ...]
    inner: dict[int, "Loop"] = field(default_factory=dict)


def address(base: int, stride: tuple[int, ...], ordinals: tuple[int, ...]) -> int:
    """Address of a count: base + Σ ordinal_k · stride_k over the enclosing loops, outermost first."""
    return base + sum(ordinal * step for ordinal, step in zip(ordinals, stride, strict=False))


class Sequencer:
    """Walks the stream of one unit."""

    def __init__(
        self,
        begin: int,
        end: int,
        loops: dict[int, Loop],
        counts: list[int],
        seen: Seen,
    ) -> None:
        """Walk from `begin` to `end`, with `loops` the outermost loops by where they begin."""
        self.begin, self.end, self.loops = begin, end, loops
        self.counts, self.seen = counts, seen

    def walk(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield each instruction in the order of execution, with the ordinals of its loops, outermost first."""
        yield from self.walk_body(self.begin, self.end, self.loops, ())

    def walk_body(
        self, begin: int, end: int, loops: dict[int, Loop], ordinals: tuple[int, ...]
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Walk once from `begin` to `end`; `loops` are those directly inside."""
        position = begin
        while position < end:
            loop = loops.get(position)
            if loop is None:
                yield position, ordinals
                position += 1
                continue
            trip = loop.trip if loop.count < 0 else self.counts[address(loop.count, loop.stride, ordinals)]
            self.seen.skipped_loops += trip == 0
            self.seen.repeated_loops += trip > 1
            for ordinal in range(trip):
                yield from self.walk_body(loop.begin, loop.end, loop.inner, (*ordinals, ordinal))
            position = loop.end


def read_loops(schedule: Schedule) -> dict[int, Loop]:
    """Return the outermost loops by where they begin, each holding those inside it."""
    loops: list[Loop] = []
    outermost: dict[int, Loop] = {}
    for row in schedule.loops:
        loop = Loop(
            int(row["begin"]), int(row["end"]), int(row["trip"]), int(row["count"]), tuple(row["stride"].tolist())
        )
        siblings = loops[row["parent"]].inner if row["parent"] >= 0 else outermost
        siblings[loop.begin] = loop
        loops.append(loop)
    return outermost
