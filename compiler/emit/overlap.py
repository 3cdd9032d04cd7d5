"""Streams of a pipelined entry: what each unit does in which beat, as loops that fill, run and drain.

The walk over the IR writes the streams of one execution. Here each unit's instructions are put into loops over
executions, by their lags (`ohmflow.compiler.program.beats`). All units keep to one order of (beat, place in the entry),
in which a message is taken right behind where it is sent, so the waits can not form a cycle. An execution is of one
sample, so loops over samples are left out.
"""

from itertools import pairwise

from ohmflow.compiler.emit.errors import EmitError
from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.emit.stream_writer import EmittedStreams
from ohmflow.compiler.emit.unit_stream import UnitStream
from ohmflow.compiler.program.schedule import MAX_DEPTH
from ohmflow.compiler.program.tables import Op, Trip


def overlap_executions(emitted: EmittedOperations, streams: EmittedStreams, where: str) -> None:
    """Put the streams of one execution of one sample into loops over executions.

    Args:
        emitted: value side of the entry; the new loops are added to it.
        streams: its time side; changed.
        where: the entry, for messages.

    Raises:
        EmitError: loops would nest too deep, or values would go to DRAM.
    """
    if any(loop["trip_kind"] == Trip.SPILL for loop in emitted.loops):
        raise EmitError(
            f"{where}: a pipelined schedule must keep what it stashes on the chip, not in DRAM, where executions would "
            "overtake each other; use --schedule sequential, or a target without chip.dram"
        )
    for unit, stream in streams.streams.items():
        streams.streams[unit] = _overlapped(emitted, stream, where)


def _overlapped(emitted: EmittedOperations, stream: UnitStream, where: str) -> UnitStream:
    lags = [max(0, emitted.operations[row["operation"]]["lag"]) if row["operation"] >= 0 else 0 for row in stream.rows]
    levels = sorted(set(lags))
    pieces: list[tuple[Trip, int, int, int, int]] = []
    pairs = list(pairwise(levels))
    pieces += [(Trip.FILL, low, high, 0, low) for low, high in pairs]
    pieces.append((Trip.STEADY, levels[0], levels[-1], 0, levels[-1]))
    pieces += [(Trip.DRAIN, low, high, low + 1, levels[-1]) for low, high in pairs]
    made = UnitStream()
    for kind, since, to, first, last in pieces:
        loop = emitted.add_loop(Op.FOR, (), kind, to, -1, 0, since=since)
        for row, path, steps, lag in zip(stream.rows, stream.paths, stream.steps, lags, strict=True):
            if not first <= lag <= last:
                continue
            over_samples = bool(path) and emitted.loops[path[0]]["trip_kind"] == Trip.ARGUMENT
            inside = (loop, *(path[1:] if over_samples else path))
            if len(inside) > MAX_DEPTH:
                raise EmitError(
                    f"{where}: with the loop over executions at most {MAX_DEPTH} loops must be nested, not "
                    f"{len(inside)}; use --schedule sequential"
                )
            made.add(inside, dict(row), steps if over_samples or not steps else (0, *steps))
    return made
