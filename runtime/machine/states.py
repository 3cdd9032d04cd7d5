"""Digital state of the value engine: read and replaced whole, or line by line where it is a matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.plan import Node

_WHOLE, _ROW = 0, 1


def written_by_line(program: Program) -> frozenset[int]:
    """Numbers of the states that some entry writes line by line, in place."""
    return frozenset(
        int(row["symbol"])
        for entry in program.entries.values()
        for row in entry.operations
        if row["code"] == Op.STATE_SET and row["attr"] != _WHOLE
    )


def state_value(states: list[NDArray[Any]], node: Node, frame: Frame, lined: frozenset[int]) -> NDArray[Any]:
    """What a `tile.state_get` gives; it stays what it is when lines are written later."""
    state = states[node.symbol]
    if node.attr == _WHOLE:
        return state.copy() if node.symbol in lined else state
    line = int(frame.env[node.ins[0]])
    return (state[line] if node.attr == _ROW else state[:, line]).copy()


def replace_state(states: list[NDArray[Any]], node: Node, frame: Frame, lined: frozenset[int]) -> None:
    """Do a `tile.state_set`; a line is written in place."""
    value = np.asarray(frame.env[node.ins[0]])
    if node.attr == _WHOLE:
        states[node.symbol] = value.copy()  # what a step gives is overwritten by the next execution
        return
    line = int(frame.env[node.ins[1]])
    if node.attr == _ROW:
        states[node.symbol][line] = value
    else:
        states[node.symbol][:, line] = value
