"""In which order the operations of a block run when they work part by part.

A convolution's rows of positions can be read as soon as the image rows under their windows are there, a pooling row as
soon as the rows that it pools, and so on. Each operation of a block gets a number of *steps*; a step needs so many
steps of the operations before it. `PartsPlan.order` lists the steps in the order in which the last operation asks for
them, so that every part is made as late as it can be; `fold_repeats` folds the list into loops. Every unit runs what
concerns it in this one order, so that its waits can not form a cycle.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp
from ohmflow.compiler.tile.control import MapOp, YieldOp
from ohmflow.compiler.tile.entry import CallOp, SegmentOp
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.steps import Steps
from ohmflow.compiler.tile.tile_types import StashType, VecType
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

_LONGEST_PERIOD = 128
_ROW_LOOPS = 2
"""Loops over rows may nest this deep: with the samples around and the columns inside that is the machine's depth."""


@dataclass(frozen=True)
class Part:
    """Some step of an operation in the folded order."""

    op: Operation


@dataclass(frozen=True)
class Repeat:
    """A piece of the order that occurs several times in a row."""

    times: int
    items: tuple["Part | Repeat", ...]


@dataclass(frozen=True)
class _Rows:
    """Some rows of a value, of how many in all, counted along an axis."""

    axis: int
    some: int
    of: int


def position_read(op: Operation) -> MvmOp | MvmTOp | None:
    """The read of a map that does nothing but read an array at every position, or None."""
    if not isinstance(op, MapOp) or not isinstance(op.trip_count, int):
        return None
    inner = [o for o in op.block.ops if not isinstance(o, YieldOp)]
    if len(inner) != 2 or not isinstance(inner[0], UnstashOp) or not isinstance(inner[1], MvmOp | MvmTOp):
        return None
    return inner[1] if inner[1].x is inner[0].value and inner[0].index is op.block.args[0] else None


def positions_stash(op: MapOp) -> SSAValue:
    """What a map over positions reads."""
    first = op.block.first_op
    assert isinstance(first, UnstashOp), "the caller looked"
    return first.stash


def folded(op: MapOp) -> FoldOp | None:
    """The fold that adds the results of a map over positions up, if that is all that is done with them."""
    users = [use.operation for use in op.outs[0].uses]
    return users[0] if len(users) == 1 and isinstance(users[0], FoldOp) else None


class PartsPlan:
    """Steps of the operations of one block, and what each step needs.

    Args:
        block: body of a map.
        segments: declarations by name.
        given: operations whose result comes from elsewhere and is sent here.

    Attributes:
        steps: how many steps each operation has; those that are not in it have no instructions.
    """

    def __init__(self, block: Block, segments: Mapping[str, SegmentOp], given: frozenset[Operation]) -> None:
        self._block = block
        self._given = given
        self._calls: dict[Operation, Steps] = {}
        for op in block.ops:
            found = Steps.of(segments[op.segment_name]) if isinstance(op, CallOp) else None
            if found is not None and found.count > 1:
                self._calls[op] = found
        self._sent_along: dict[Operation, int] = {}
        self.steps: dict[Operation, int] = {}
        self._count_steps()
        self._drop_idle_calls()

    @property
    def in_parts(self) -> bool:
        """Whether any operation has more than one step."""
        return any(count > 1 for count in self.steps.values())

    def columns(self, op: MapOp) -> int:
        """Positions of one step of a map over positions."""
        assert isinstance(op.trip_count, int), "a map over positions has a constant trip"
        return op.trip_count // self.steps[op]

    def parts(self, value: SSAValue) -> int:
        """In how many parts a value leaves the operation that makes it."""
        op = value.owner
        if not isinstance(op, Operation):
            return 1
        if isinstance(op, CallOp):
            return self.steps[op] if self._made_along(value) >= 0 else 1
        return self.steps.get(op, 1)

    def added_as_read(self, op: FoldOp) -> bool:
        """Whether windows are added up as soon as they are read, by the unit that gathers them."""
        read = self._producer(op.stash)
        return isinstance(read, MapOp) and position_read(read) is not None and folded(read) is op

    def order(self) -> list[Operation]:
        """All steps, in the order in which later operations ask for them."""
        done = dict.fromkeys(self.steps, 0)
        listed: list[Operation] = []

        def ask(op: Operation, steps: int) -> None:
            while done[op] < steps:
                for before, count in self.needs(op, done[op]):
                    ask(before, count)
                done[op] += 1
                listed.append(op)

        used = {producer for op in self.steps for value in op.operands if (producer := self._producer(value))}
        ends = [op for op in self.steps if op not in used]
        for op in [*reversed(ends), *self.steps]:
            ask(op, self.steps[op])
        return listed

    def needs(self, op: Operation, step: int) -> list[tuple[Operation, int]]:
        """Operations before a step, and how many of their steps must be done."""
        if isinstance(op, MapOp) and position_read(op) is not None:
            return self._positions_need(op, step)
        if isinstance(op, FoldOp):
            return self._fold_needs(op, step)
        if op in self._calls:
            found = []
            for value, need in zip(op.operands, self._calls[op].needs, strict=True):
                rows = None if need is None else _Rows(need.axis, need.by_step[step], need.rows)
                found += self._of(value, rows)
            return found
        operands = [value for inner in op.walk() for value in inner.operands]
        return [pair for value in operands for pair in self._of(value, None)]

    # Steps ------------------------------------------------------------------------------------------------------

    def _count_steps(self) -> None:
        for op in self._block.ops:
            if isinstance(op, WindowOp | SplitOp | StackOp | YieldOp) or (
                isinstance(op, UnstashOp) and op not in self._given
            ):
                continue
            if isinstance(op, MapOp) and position_read(op) is not None:
                self.steps[op] = self._rows(op)
            elif isinstance(op, FoldOp):
                self.steps[op] = op.window.image[1]
            elif isinstance(op, UnstashOp):
                self._sent_along[op], self.steps[op] = self._wanted_rows(op)
            else:
                self.steps[op] = self._calls[op].count if op in self._calls else 1

    def _rows(self, op: MapOp) -> int:
        """Rows of a map over positions: those of the windows it takes, or that it makes."""
        assert isinstance(op.trip_count, int)
        stash = positions_stash(op)
        if isinstance(stash.owner, WindowOp):
            return stash.owner.window.out[0]
        fold = folded(op)
        return op.trip_count if fold is None else fold.window.out[0]

    def _wanted_rows(self, op: UnstashOp) -> tuple[int, int]:
        """Axis and rows in which a value from elsewhere is sent: what the first operation which takes it asks for."""
        for use in op.value.uses:
            user = use.operation
            axis, rows = -1, 1
            if isinstance(user, WindowOp):
                axis, rows = 1, user.window.image[1]
            elif user in self._calls:
                need = self._calls[user].needs[use.index]
                axis, rows = (-1, 1) if need is None else (need.axis, need.rows)
            if rows > 1 and isinstance(op.value.type, VecType) and op.value.type.size % rows == 0:
                return axis, rows
        return -1, 1

    def _drop_idle_calls(self) -> None:
        """A call that gets its operands whole and hands its results on whole had better run at once."""
        changed = True
        while changed:
            changed = False
            for op, steps in list(self._calls.items()):
                gets = any(
                    need is not None
                    and (producer := self._producer(value)) is not None
                    and self.steps[producer] > 1
                    and self._made_along(value) == need.axis
                    for value, need in zip(op.operands, steps.needs, strict=True)
                )
                gives = any(
                    axis >= 0 and self._taken_in_parts(out, axis)
                    for out, axis in zip(op.results, steps.parts, strict=True)
                )
                if not gets and not gives:
                    del self._calls[op]
                    self.steps[op] = 1
                    changed = True

    def _taken_in_parts(self, value: OpResult, axis: int) -> bool:
        for use in value.uses:
            user = use.operation
            if user.parent_block() is not self._block:
                continue
            along = 1 if isinstance(user, WindowOp) else 0 if isinstance(user, SplitOp) else -1
            if along == axis and any(isinstance(taker.operation.parent_op(), MapOp) for taker in user.results[0].uses):
                return True
            need = self._calls[user].needs[use.index] if user in self._calls else None
            if need is not None and need.axis == axis:
                return True
        return False

    # Needs ------------------------------------------------------------------------------------------------------

    def _producer(self, value: SSAValue) -> Operation | None:
        """The operation of this block that makes a value and has instructions, if there is one."""
        while isinstance(value, OpResult):
            op = value.op
            if op in self.steps:
                return op
            if isinstance(op, WindowOp | SplitOp | StackOp):
                value = op.operands[0]
                continue
            return None
        return None

    def _of(self, value: SSAValue, rows: "_Rows | None") -> list[tuple[Operation, int]]:
        """Steps of what makes a value: for some of its rows, or for all of it."""
        op = self._producer(value)
        if op is None:
            return []
        count = self.steps[op]
        if rows is None or self._made_along(value) != rows.axis:
            return [(op, count)]
        return [(op, min(-(-rows.some * count // rows.of), count))]

    def _made_along(self, value: SSAValue) -> int:
        """The axis along which a value is made step by step; -1 if it is there whole at the end."""
        while isinstance(value, OpResult) and value.op not in self.steps:
            if not isinstance(value.op, SplitOp | StackOp):
                return -1  # windows overlap, so rows of them are not rows of their image
            value = value.op.operands[0]
        op = value.owner
        if isinstance(op, CallOp):
            steps = self._calls.get(op)
            return -1 if steps is None else steps.parts[list(op.outs).index(value)]  # type: ignore[arg-type]
        if isinstance(op, UnstashOp):
            return self._sent_along[op]
        return 1 if isinstance(op, FoldOp) else 0 if isinstance(op, MapOp) else -1

    def _positions_need(self, op: MapOp, step: int) -> list[tuple[Operation, int]]:
        stash = positions_stash(op)
        if isinstance(stash.owner, WindowOp):
            window: Window = stash.owner.window
            found = self._of(stash.owner.image, _Rows(1, window.rows_needed(step), window.image[1]))
        else:
            found = self._of(stash, _Rows(0, step + 1, self.steps[op]))
        # Versions and dones come from outside, but a read may wait for one in this block.
        read = position_read(op)
        assert read is not None, "the caller looked"
        return found + [pair for version in read.versions for pair in self._of(version, None)]

    def _fold_needs(self, op: FoldOp, step: int) -> list[tuple[Operation, int]]:
        rows = next(row for row in range(op.window.out[0]) if op.window.rows_done(row) > step)
        return self._of(op.stash, _Rows(0, rows + 1, op.window.out[0]))


def fold_repeats(order: Sequence[Operation], depth: int = _ROW_LOOPS) -> tuple[Part | Repeat, ...]:
    """Fold what repeats into loops.

    Args:
        order: steps one after the other.
        depth: how deep loops may nest.

    Returns:
        The same order, with loops.
    """
    numbers = {op: k for k, op in enumerate(dict.fromkeys(order))}
    return _fold([numbers[op] for op in order], list(numbers), depth)


def count_steps(items: Sequence[Part | Repeat]) -> Counter[Operation]:
    """How many steps of each operation a folded order has."""
    found: Counter[Operation] = Counter()
    for item in items:
        if isinstance(item, Part):
            found[item.op] += 1
        else:
            for op, count in count_steps(item.items).items():
                found[op] += count * item.times
    return found


def _fold(order: list[int], ops: list[Operation], depth: int) -> tuple[Part | Repeat, ...]:
    items: list[Part | Repeat] = []
    at = 0
    while at < len(order):
        period, times = _longest_repeat(order, at) if depth else (1, 1)
        if times > 1:
            body = _fold(order[at : at + period], ops, depth - 1)
            items.append(Repeat(times, body))
            at += period * times
        else:
            items.append(Part(ops[order[at]]))
            at += 1
    return tuple(items)


def _longest_repeat(order: list[int], at: int) -> tuple[int, int]:
    """The period and count that cover most of the order from here on; the shortest period of equals."""
    best, covered = (1, 1), 0
    for period in range(1, min(_LONGEST_PERIOD, (len(order) - at) // 2) + 1):
        if order[at] != order[at + period]:
            continue
        end = at + period
        while end < len(order) and order[end] == order[end - period]:
            end += 1
        times = (end - at) // period
        if times > 1 and times * period > covered:
            best, covered = (period, times), times * period
    return best


def is_given(op: Operation, origin: SSAValue) -> bool:
    """Whether an unstash gets its value whole from the host or a batch segment."""
    return isinstance(op, UnstashOp) and (isinstance(origin, BlockArgument) or isinstance(origin.type, StashType))
