"""An entry's operations as a tree of steps, made once and run every training step.

The stored order is interpreted as it stands, with one liberty that changes no value: the iterations of a `map` are
independent, so an outermost map runs once with all samples as an array axis. `for` loops run serially, and a `for`
whose body only applies one update to what earlier loops stashed is handed to the crossbar kernel whole, which applies
the samples in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Op, Trip
from ohmflow.runtime.crossbar.draws import Purpose


@dataclass(frozen=True)
class Node:
    """One operation with its operands resolved.

    Attributes:
        row: its row in the entry's operations.
        code: operation code.
        phase, symbol, symbol2, site, attr, group, loop: columns of its row.
        ins, outs, args: value numbers.
        body: the region's operations, without its yield.
        yields: what the region yields: carried values first, then collected ones.
        ranks: dimensions of one row of each of them.
        depths: stashes nested in each of them.
        depth: stashes nested in the first result.
        vector: whether it runs with samples as an array axis.
        loops: enclosing loops (rows), outermost first.
        captured: for loops: values that a whole-loop update reads, (stash of x, stash of d), or empty.
        trip: for loops: the constant, the name of the scalar, or None when it comes from data.
        trip_group: count group of a trip from data.
        carried: number of carried values of a `for` or `when`.
        purpose: what the draws of an array operation are for.
    """

    row: int
    code: Op
    phase: int
    symbol: int
    symbol2: int
    site: int
    attr: int
    group: int
    loop: int
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    args: tuple[int, ...]
    body: tuple["Node", ...]
    yields: tuple[int, ...]
    ranks: tuple[int, ...]
    depths: tuple[int, ...]
    depth: int
    vector: bool
    loops: tuple[int, ...]
    captured: tuple[int, int] | tuple[()] = ()
    trip: int | str | None = None
    trip_group: int = -1
    carried: int = 0
    purpose: int = 0


def build_plan(entry: Entry) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Build the tree of an entry.

    Returns:
        The top-level nodes, and the value numbers that the entry returns.
    """
    nodes, yields = _region(entry, 0, len(entry.operations), False, ())
    return nodes, yields


def _region(
    entry: Entry, begin: int, end: int, vector: bool, loops: tuple[int, ...]
) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    nodes: list[Node] = []
    yields: tuple[int, ...] = ()
    at = begin
    while at < end:
        row = entry.operations[at]
        code = Op(int(row["code"]))
        ins = _slice(entry, row, "in")
        if code in (Op.YIELD, Op.RETURN):
            yields = ins
            at += 1
            continue
        body: tuple[Node, ...] = ()
        inner: tuple[int, ...] = ()
        if code in (Op.MAP, Op.FOR, Op.WHEN):
            inside = vector or (code is Op.MAP and not loops)
            body, inner = _region(entry, at + 1, int(row["body_end"]), inside, (*loops, int(row["loop"])))
        outs = _slice(entry, row, "out")
        node = Node(
            row=at,
            code=code,
            phase=int(row["phase"]),
            symbol=int(row["symbol"]),
            symbol2=int(row["symbol2"]),
            site=int(row["site"]),
            attr=int(row["attr"]),
            group=int(row["group"]),
            loop=int(row["loop"]),
            ins=ins,
            outs=outs,
            args=_slice(entry, row, "arg"),
            body=body,
            yields=inner,
            ranks=tuple(entry.values["rank"][list(inner)].tolist()),
            depths=tuple(entry.values["depth"][list(inner)].tolist()),
            depth=int(entry.values["depth"][outs[0]]) if outs else 0,
            vector=vector,
            loops=loops,
            trip=_trip(entry, int(row["loop"])),
            trip_group=int(entry.loops["group"][int(row["loop"])]) if row["loop"] >= 0 else -1,
            carried=int(row["arg_end"] - row["arg_begin"]) - (0 if code is Op.WHEN else 1),
            purpose=_purpose(code, int(row["phase"])),
        )
        nodes.append(_capture(node))
        at = int(row["body_end"]) if body or code in (Op.MAP, Op.FOR, Op.WHEN) else at + 1
    return tuple(nodes), yields


def _capture(node: Node) -> Node:
    """Recognise `for i { x = unstash X[i]; d = unstash D[i]; update(x, d, lr) }` outside any other loop."""
    if node.code is not Op.FOR or node.loops or node.attr or node.outs or len(node.body) != 3 or node.carried:
        return node
    *loads, update = node.body
    if update.code is not Op.UPDATE or any(n.code is not Op.UNSTASH or n.ins[1] != node.args[0] for n in loads):
        return node
    made = {n.outs[0]: n.ins[0] for n in loads}
    if update.ins[0] not in made or update.ins[1] not in made:
        return node
    return replace(node, captured=(made[update.ins[0]], made[update.ins[1]]))


_PURPOSES = {
    "forward": int(Purpose.FORWARD),
    "backward": int(Purpose.BACKWARD),
    "evaluation": int(Purpose.EVALUATION),
}


def _purpose(code: Op, phase: int) -> int:
    """What the draws of an operation are for; it keeps reads, updates and transfers apart."""
    return int(Purpose.UPDATE) if code is Op.UPDATE else _PURPOSES.get(PHASES[phase], int(Purpose.TRANSFER))


def _trip(entry: Entry, loop: int) -> int | str | None:
    if loop < 0 or entry.loops["trip_kind"][loop] == Trip.DATA:
        return None
    number = int(entry.loops["trip"][loop])
    return number if entry.loops["trip_kind"][loop] == Trip.CONST else entry.arguments[number].name


def _slice(entry: Entry, row: np.void, name: str) -> tuple[int, ...]:
    found: Sequence[int] = entry.operands[int(row[f"{name}_begin"]) : int(row[f"{name}_end"])].tolist()
    return tuple(found)
