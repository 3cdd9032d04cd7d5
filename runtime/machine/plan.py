"""An entry's operations as a tree of steps, made once and run every training step.

The stored order is interpreted as it stands, with one liberty that changes no value: the iterations of a `map` are
independent, so an outermost map runs once with all samples as an array axis. `for` loops run serially, and a `for`
whose body only applies one update to what earlier loops stashed is handed to the crossbar kernel whole, which applies
the samples in the same order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Op, Trip
from ohmflow.compiler.program.windows import Window
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.rules.fused import FusedLoop

Fuse = Callable[["Node", LoopMark], FusedLoop | None]


@dataclass(frozen=True)
class Captured:
    """A loop that a crossbar kernel runs whole.

    Attributes:
        operation: the update or read inside.
        stashes: value numbers of what it takes: of an update x and d, of a read its input.
        positions: vectors a sample, for an update inside a loop over positions; else None.
        window: geometry of the windows of x, if it is an image.
    """

    operation: "Node"
    stashes: tuple[int, ...]
    positions: int | None = None
    window: Window | None = None


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
        captured: for loops: what a whole-loop update or read takes, or None.
        fused: for loops that a rule wrote: the fused kernel that may run it, or None.
        window: geometry of the windows that an operation takes or folds, or None.
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
    captured: "Captured | None" = None
    fused: FusedLoop | None = None
    window: Window | None = None
    trip: int | str | None = None
    trip_group: int = -1
    carried: int = 0
    purpose: int = 0


def build_plan(entry: Entry, fuse: Fuse | None = None) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Build the tree of an entry.

    Args:
        entry: a program's entry.
        fuse: finds the fused kernel of a loop outside maps that carries a mark.

    Returns:
        The top-level nodes, and the value numbers that the entry returns.
    """
    return _region(entry, 0, len(entry.operations), False, (), fuse)


def _region(
    entry: Entry, begin: int, end: int, vector: bool, loops: tuple[int, ...], fuse: Fuse | None
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
            body, inner = _region(entry, at + 1, int(row["body_end"]), inside, (*loops, int(row["loop"])), fuse)
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
            window=Window.of(entry.windows[int(row["attr"])]) if code in (Op.WINDOW, Op.FOLD) else None,
        )
        node = replace(node, captured=_update_of_samples(node) or _read_of_positions(node))
        mark = entry.marks.get(node.loop) if code is Op.FOR and not vector else None
        nodes.append(node if mark is None or fuse is None else replace(node, fused=fuse(node, mark)))
        at = int(row["body_end"]) if body or code in (Op.MAP, Op.FOR, Op.WHEN) else at + 1
    return tuple(nodes), yields


def _update_of_samples(node: Node) -> Captured | None:
    """Recognise an update of every sample, or of every position of every sample, outside any other loop.

    ```
    for i { x = unstash X[i]; d = unstash D[i]; update(x, d, lr) }
    for i { x = unstash X[i]; d = unstash D[i]; xs = window or split x; ds = split d;
            for p { x = unstash xs[p]; d = unstash ds[p]; update(x, d, lr) } }
    ```
    """
    if node.code is not Op.FOR or node.loops or node.attr or node.outs or node.carried or not node.body:
        return None
    *before, last = node.body
    if last.code is Op.UPDATE:
        made = _loads(before, node.args[0])
        if made is None or last.ins[0] not in made or last.ins[1] not in made:
            return None
        return Captured(last, (made[last.ins[0]], made[last.ins[1]]))
    if last.code is not Op.FOR or not isinstance(last.trip, int) or last.attr or last.outs or last.carried:
        return None
    *inner, update = last.body or (last,)
    within = _loads(inner, last.args[0])
    made = _loads([n for n in before if n.code is Op.UNSTASH], node.args[0])
    turned = {n.outs[0]: n for n in before if n.code in (Op.SPLIT, Op.WINDOW)}
    if update.code is not Op.UPDATE or within is None or made is None or len(made) + len(turned) != len(before):
        return None
    x, d = (turned.get(within.get(value, -1)) for value in update.ins[:2])
    if x is None or d is None or d.code is not Op.SPLIT or x.ins[0] not in made or d.ins[0] not in made:
        return None
    return Captured(update, (made[x.ins[0]], made[d.ins[0]]), last.trip, x.window)


def _read_of_positions(node: Node) -> Captured | None:
    """Recognise `map p { x = unstash xs[p]; y = mvm(x); yield y }` inside a vectorised map."""
    if node.code is not Op.MAP or not node.vector or not isinstance(node.trip, int) or len(node.body) != 2:
        return None
    load, read = node.body
    made = _loads([load], node.args[0])
    if read.code not in (Op.MVM, Op.MVM_T) or made is None or read.ins[0] not in made or node.yields != read.outs:
        return None
    return Captured(read, (made[read.ins[0]],))


def _loads(nodes: Sequence[Node], index: int) -> dict[int, int] | None:
    """Stash of each value that the nodes read at `index`; None if one of them does anything else."""
    if any(n.code is not Op.UNSTASH or n.ins[1] != index or n.depth for n in nodes):
        return None
    return {n.outs[0]: n.ins[0] for n in nodes}


_PURPOSES = {
    "forward": int(Purpose.FORWARD),
    "backward": int(Purpose.BACKWARD),
    "evaluation": int(Purpose.EVALUATION),
}


def _purpose(code: Op, phase: int) -> int:
    """What the draws of an operation are for; it keeps reads, updates and transfers apart."""
    updates = code is Op.UPDATE and PHASES[phase] == "update"
    return int(Purpose.UPDATE) if updates else _PURPOSES.get(PHASES[phase], int(Purpose.TRANSFER))


def _trip(entry: Entry, loop: int) -> int | str | None:
    if loop < 0 or entry.loops["trip_kind"][loop] == Trip.DATA:
        return None
    number = int(entry.loops["trip"][loop])
    return number if entry.loops["trip_kind"][loop] == Trip.CONST else entry.arguments[number].name


def _slice(entry: Entry, row: np.void, name: str) -> tuple[int, ...]:
    found: Sequence[int] = entry.operands[int(row[f"{name}_begin"]) : int(row[f"{name}_end"])].tolist()
    return tuple(found)
