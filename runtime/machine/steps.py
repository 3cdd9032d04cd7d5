"""A plan's nodes as steps to call one after the other: those that run once in an execution made ready (`direct`)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.digital.sessions import Segment
from ohmflow.runtime.ledger.tally import Tally, UpdateStatistics
from ohmflow.runtime.machine.direct import Call, General, Read, Step, Unstash, UpdateAll, runs_once
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.plan import Node
from ohmflow.runtime.machine.ports import Ports


class Parts(NamedTuple):
    """What steps are made of.

    Attributes:
        methods: what runs any node, by operation.
        run_map: runs an outermost map whose body's steps it is given.
        arrays: of the program.
        updates: statistics of each of them.
        segments: of the program.
        ports: of each of them.
    """

    methods: Mapping[Op, General]
    run_map: Callable[[Node, Sequence[Step], Frame, Tally], None]
    arrays: Sequence[CrossbarArray]
    updates: Sequence[UpdateStatistics]
    segments: Sequence[Segment]
    ports: Sequence[Ports]


def make_steps(nodes: Sequence[Node], entry: Entry, parts: Parts) -> tuple[Step, ...]:
    """Make the nodes of an entry, or of the body of an outermost map, ready to run in every execution.

    Args:
        nodes: in order.
        entry: whose they are.
        parts: what steps are made of.

    Returns:
        The steps, in order; calls that go together are one.
    """
    return tuple(_step(group, entry, parts) for group in _groups(nodes))


def _step(group: Sequence[Node], entry: Entry, parts: Parts) -> Step:
    node = group[0]
    general = parts.methods[node.code]
    if node.code is Op.MAP and not node.loops:
        return partial(parts.run_map, node, make_steps(node.body, entry, parts))
    if not runs_once(node):
        return partial(general, node)
    match node.code:
        case Op.CALL:
            ports = [parts.ports[n.symbol] for n in group]
            return Call(group, ports, [parts.segments[n.symbol] for n in group], general)
        case Op.UNSTASH if node.vector:
            return Unstash(node, general)
        case Op.MVM | Op.MVM_T if node.vector:
            return Read(node, parts.arrays[node.symbol], general)
        case Op.FOR if node.captured is not None and node.fused is None:
            update = node.captured.operation
            width = int(entry.groups["width"][update.group]) if update.group >= 0 else 0
            array, statistics = parts.arrays[update.symbol], parts.updates[update.symbol]
            return UpdateAll(node, node.captured, width, array, statistics, general)
        case _:
            return partial(general, node)


def _groups(nodes: Sequence[Node]) -> list[Sequence[Node]]:
    """Put calls together that follow each other, run once and do not depend on each other; others stay alone."""
    groups: list[list[Node]] = []
    for node in nodes:
        last = groups[-1] if groups else []
        joins = bool(last) and all(
            n.code is Op.CALL and n.vector == node.vector and runs_once(n) for n in (node, *last)
        )
        if joins and not {value for n in last for value in n.outs} & set(node.ins):
            last.append(node)
        else:
            groups.append([node])
    return [tuple(group) for group in groups]
