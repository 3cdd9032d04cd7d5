"""Where values live and who needs them: what the stream emitter knows before it writes an instruction.

Every vector has one *origin*, the operation (or host) that makes it; unstashing it later, in another loop, gives the
same origin. An origin has a *home* unit; every other unit that needs it is sent it once, where it is made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import IndexType
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from ohmflow.compiler.emit.operations import call_phase
from ohmflow.compiler.emit.origins import elements, loops_of, loops_of_value, origin
from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import ForOp, MapOp, WhenOp, YieldOp
from ohmflow.compiler.tile.entry import CallOp, EntryOp, ReturnOp
from ohmflow.compiler.tile.stash import SplitOp, UnstashOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import ProgramOp, ReadOp, TransferOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

Unit = tuple[str, int]
"""Kind (`tile`, `vector`, `host`, `dram`) and its number: a tile's, a node's, a channel's."""

HOST: Unit = ("host", 0)
"""Where the host sends from."""

RESULTS: Unit = ("host", 1)
"""Where the host receives; it has an instruction stream of its own, so that no sample waits for another's result."""


@dataclass
class Need:
    """What one unit needs of an origin.

    Attributes:
        spans: ranges of elements (low, high) that its blocks use.
        phase: for which phase first.
        kept: whether it is needed after the loop over samples in which it is sent, so once for every sample.
        readers: operations that need it then.
    """

    spans: set[tuple[int, int]]
    phase: int
    kept: bool
    readers: list[Operation] = field(default_factory=list)

    @property
    def elements(self) -> int:
        """Elements in all ranges, each counted once."""
        total, reached = 0, 0
        for low, high in sorted(self.spans):
            total += max(0, high - max(low, reached))
            reached = max(reached, high)
        return total


@dataclass
class Dataflow:
    """Homes and needs of one entry.

    Attributes:
        home: unit that makes each origin.
        needs: units that need each origin, its home included when it is needed there again.
        call_home: vector unit of each call.
        sent_in: loops (innermost first) in which a value that comes whole, from the host or from a batch segment, is
            first read, and so sent.
    """

    home: dict[SSAValue, Unit] = field(default_factory=dict)
    needs: dict[SSAValue, dict[Unit, Need]] = field(default_factory=dict)
    call_home: dict[Operation, Unit] = field(default_factory=dict)
    sent_in: dict[SSAValue, Sequence[MapOp | ForOp]] = field(default_factory=dict)


def analyse(
    entry: EntryOp,
    arrays: Mapping[str, ArrayRecord],
    array_home: Callable[[str], Unit],
    state_home: dict[str, Unit],
) -> Dataflow:
    """Find homes and needs.

    Args:
        entry: one entry of placed tile IR.
        arrays: by name, with their blocks.
        array_home: vector unit that gathers an array's results.
        state_home: vector unit of each state; states without one get the unit of their first use.
    """
    flow = Dataflow()
    own = [name for name, record in arrays.items() if not record.layer]
    fallback = array_home(own[-1]) if own else ("vector", 0)
    for argument in entry.block.args:
        flow.home[argument] = HOST
    for op in _walk(entry):
        _set_homes(op, flow, arrays, array_home, state_home, fallback)
    for op in _walk(entry):
        if isinstance(op, UnstashOp):
            source = origin(op.value)
            if isinstance(source, BlockArgument) or isinstance(source.type, StashType):
                flow.sent_in.setdefault(source, loops_of(op))
        if isinstance(op, StateGetOp):
            flow.home[op.value] = state_home.setdefault(op.state_name, fallback)
    for op in _walk(entry):
        for value, unit, low, high, phase in _uses(op, flow, arrays, array_home, state_home):
            _add_need(flow, value, unit, low, high, phase, op)
    _tell_trips(entry, flow, arrays)
    return flow


def _tell_trips(entry: EntryOp, flow: Dataflow, arrays: Mapping[str, ArrayRecord]) -> None:
    """Make every unit that takes part in a loop need its trip or counter, where that comes from data.

    Receiving it may make a unit take part in a loop further out, so this goes on until nothing is new.
    """
    conditional = [(op, value) for op in _walk(entry) if (value := _data_trip(op)) is not None]
    while True:
        before = sum(map(len, flow.needs.values()))
        for op, value in conditional:
            phase = next((p for inner in op.walk() if (p := _array_phase(inner)) is not None), 0)
            for unit in sorted(_participants(op, flow, arrays)):
                _add_need(flow, value, unit, 0, 1, phase, op)
        if sum(map(len, flow.needs.values())) == before:
            return


def _data_trip(op: Operation) -> SSAValue | None:
    match op:
        case WhenOp():
            return op.counter
        case MapOp() | ForOp() if op.trip is not None and isinstance(op.trip.type, VecType):
            return op.trip
        case _:
            return None


def _array_phase(op: Operation) -> int | None:
    match op:
        case MvmOp() | MvmTOp():
            return PHASES.index(op.phase.data)
        case UpdateOp():
            return PHASES.index(op.phase_name)
        case ReadOp() | TransferOp():
            return PHASES.index("transfer")
        case ProgramOp():
            return PHASES.index("program")
        case _:
            return None


def _participants(loop: Operation, flow: Dataflow, arrays: Mapping[str, ArrayRecord]) -> set[Unit]:
    """Units with an instruction inside a loop: tiles and homes of its operations, and who is sent what it makes."""
    units: set[Unit] = set()
    values: list[SSAValue] = []
    for op in loop.walk():
        if op is not loop:
            for name in _array_names(op):
                units |= {("tile", block.tile) for block in arrays[name].blocks}
            values += [origin(op.value)] if isinstance(op, UnstashOp) else op.results
            if op in flow.call_home:
                units.add(flow.call_home[op])
        values += [argument for region in op.regions for argument in region.block.args]
    for value in values:
        if value in flow.needs and (_is_inside(value, loop) or isinstance(value, BlockArgument)):
            units |= {flow.home[value], *flow.needs[value]}
    return units


def _array_names(op: Operation) -> tuple[str, ...]:
    match op:
        case MvmOp() | MvmTOp() | UpdateOp() | ReadOp() | ProgramOp():
            return (op.array_name,)
        case TransferOp():
            return (op.source_name, op.target_name)
        case _:
            return ()


def _is_inside(value: SSAValue, loop: Operation) -> bool:
    above = value.owner if isinstance(value.owner, Operation) else value.owner.parent_op()
    while above is not None and above is not loop:
        above = above.parent_op()
    return above is loop


def _walk(entry: EntryOp) -> Iterator[Operation]:
    for op in entry.walk():
        if op is not entry:
            yield op


def _set_homes(
    op: Operation,
    flow: Dataflow,
    arrays: Mapping[str, ArrayRecord],
    array_home: Callable[[str], Unit],
    state_home: dict[str, Unit],
    fallback: Unit,
) -> None:
    match op:
        case StateGetOp() if op.state_name in state_home:
            flow.home[op.value] = state_home[op.state_name]
        case MvmOp() | MvmTOp():
            flow.home[op.y] = array_home(op.array_name)
        case ReadOp():
            flow.home[op.results[0]] = array_home(op.array_name)
        case FoldOp():
            flow.home[op.image] = _home_of(flow, op.stash)
        case CallOp():
            unit = _call_unit(op, flow, state_home, _rule_home(op.segment_name, array_home, arrays) or fallback)
            flow.call_home[op] = unit
            for value in op.outs:
                flow.home[value] = unit
            for argument in op.arguments:
                source = origin(argument)
                if isinstance(source, OpResult) and isinstance(source.op, StateGetOp):
                    state_home.setdefault(source.op.state_name, unit)
        case ForOp() | WhenOp():
            arguments = op.block.args[len(op.block.args) - len(op.init) :]
            for argument, init, result in zip(arguments, op.init, op.outs, strict=False):
                if isinstance(init.type, VecType):
                    home = flow.home.get(origin(init), fallback)
                    flow.home[argument] = flow.home[result] = fallback if home[0] != "vector" else home
        case _:
            pass


def _rule_home(segment: str, array_home: Callable[[str], Unit], arrays: Mapping[str, ArrayRecord]) -> Unit | None:
    """Home of the array whose rule a segment belongs to: it is called after it."""
    names = [name for name, record in arrays.items() if not record.layer and segment.startswith(f"{name}.")]
    return array_home(max(names, key=len)) if names else None


def _call_unit(op: CallOp, flow: Dataflow, state_home: dict[str, Unit], fallback: Unit) -> Unit:
    """A call runs where its first operand from a vector unit is, else where its state is."""
    states = []
    for argument in op.arguments:
        source = origin(argument)
        if isinstance(source, OpResult) and isinstance(source.op, StateGetOp):
            states.append(source.op.state_name)
        elif flow.home.get(source, HOST)[0] == "vector":
            return flow.home[source]
    for name in states:
        if name in state_home:
            return state_home[name]
    return fallback


def _uses(
    op: Operation,
    flow: Dataflow,
    arrays: Mapping[str, ArrayRecord],
    array_home: Callable[[str], Unit],
    state_home: Mapping[str, Unit],
) -> Iterator[tuple[SSAValue, Unit, int, int, int]]:
    """Values an operation needs: (value, unit, low, high, phase)."""
    match op:
        case MvmOp() | MvmTOp():
            phase = PHASES.index(op.phase.data)
            for block in arrays[op.array_name].blocks:
                low, size = (block.row0, block.rows) if isinstance(op, MvmOp) else (block.col0, block.cols)
                yield op.x, ("tile", block.tile), *_span(op.x, low, low + size), phase
        case UpdateOp():
            phase = PHASES.index(op.phase_name)
            for block in arrays[op.array_name].blocks:
                yield op.lr, ("tile", block.tile), 0, 1, phase
                yield op.x, ("tile", block.tile), *_span(op.x, block.row0, block.row0 + block.rows), phase
                yield op.d, ("tile", block.tile), *_span(op.d, block.col0, block.col0 + block.cols), phase
        case ReadOp():
            for block in arrays[op.array_name].blocks:
                yield op.index, ("tile", block.tile), 0, 1, PHASES.index("transfer")
        case TransferOp():
            yield op.scale, array_home(op.source_name), 0, 1, PHASES.index("transfer")
            for name in (op.source_name, op.target_name):
                for block in arrays[name].blocks:
                    yield op.index, ("tile", block.tile), 0, 1, PHASES.index("transfer")
        case CallOp():
            for argument in op.arguments:
                yield argument, flow.call_home[op], 0, _whole(argument), call_phase(op)
        case FoldOp():
            yield op.stash, _home_of(flow, op.stash), 0, _whole(op.stash), PHASES.index("backward")
        case StateSetOp():
            home = state_home.get(op.state_name, _home_of(flow, op.value))
            yield op.value, home, 0, elements(op.value), PHASES.index("update")
            if op.index is not None:
                yield op.index, home, 0, 1, PHASES.index("update")
        case StateGetOp() if op.index is not None:
            yield op.index, flow.home[op.value], 0, 1, PHASES.index("update")
        case ReturnOp():
            for value in op.values:
                yield value, RESULTS, 0, elements(value), _result_phase(value)
        case ForOp() | WhenOp():
            yield from _carried(op, op.init, flow)
        case YieldOp():
            above = op.parent_op()
            if isinstance(above, ForOp | WhenOp):
                yield from _carried(above, op.carried, flow)
        case ProgramOp() | _:
            return


def _carried(
    loop: ForOp | WhenOp, values: Sequence[SSAValue], flow: Dataflow
) -> Iterator[tuple[SSAValue, Unit, int, int, int]]:
    """Values that a loop begins with, or hands on to its next iteration, are needed where its arguments are."""
    arguments = loop.block.args[len(loop.block.args) - len(loop.init) :]
    for argument, value in zip(arguments, values, strict=True):
        if isinstance(value.type, VecType):
            yield value, flow.home[argument], 0, elements(value), 0


def _span(value: SSAValue, low: int, high: int) -> tuple[int, int]:
    """Elements of a vector as elements of the whole that it is taken from: of all positions together."""
    taken = value.owner.stash.owner if isinstance(value.owner, UnstashOp) else None
    if isinstance(taken, SplitOp):
        positions = elements(taken.value) // elements(value)
        return low * positions, high * positions
    if isinstance(taken, WindowOp):
        window = taken.window
        area, seen = window.image[1] * window.image[2], window.kernel[0] * window.kernel[1]
        return (window.channel0 + low // seen) * area, (window.channel0 + -(-high // seen)) * area
    return low, high


def _whole(value: SSAValue) -> int:
    """Elements of a value as it leaves where it is made: one position's, if it was stacked from positions."""
    source = origin(value)
    inside = isinstance(source, OpResult) and isinstance(source.op, MvmOp | MvmTOp)
    return elements(source) if inside else elements(value)


def _home_of(flow: Dataflow, value: SSAValue) -> Unit:
    return flow.home.get(origin(value), HOST)


def _result_phase(value: SSAValue) -> int:
    source = origin(value)
    if isinstance(source, OpResult) and isinstance(source.op, CallOp):
        return call_phase(source.op)
    if isinstance(source, OpResult) and (phase := _array_phase(source.op)) is not None:
        return phase
    return 0


def _add_need(flow: Dataflow, value: SSAValue, unit: Unit, low: int, high: int, phase: int, op: Operation) -> None:
    if isinstance(value.type, ScalarType | IndexType):
        return  # run scalars and induction variables are in every unit's controller
    source = origin(value)
    if isinstance(source.type, ScalarType | IndexType):
        return
    sent_in = flow.sent_in.get(source, loops_of_value(source))
    kept = bool(sent_in) and (not loops_of(op) or loops_of(op)[-1] is not sent_in[-1])
    need = flow.needs.setdefault(source, {}).setdefault(unit, Need(set(), phase, False))
    need.spans.add((low, high))
    need.kept |= kept
    if kept and op not in need.readers:
        need.readers.append(op)
