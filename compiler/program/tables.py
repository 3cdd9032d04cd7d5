"""The tables of a program: numpy structured rows, what each column means, and the operation codes.

A program's entry is stored twice over the same work: *operations* in their stored order, which the value engine
interprets, and per-unit *instructions*, which the clock engine runs. Every instruction names the operation that it is
a part of, and the emitter writes both from one walk of the tile IR.
"""

from enum import IntEnum

import numpy as np


class Op(IntEnum):
    """Operation codes of the value side, one for each operation of the tile IR that computes."""

    MVM = 0
    MVM_T = 1
    UPDATE = 2
    READ = 3
    TRANSFER = 4
    PROGRAM = 5
    CALL = 6
    STATE_GET = 7
    STATE_SET = 8
    UNSTASH = 9
    MAP = 10
    FOR = 11
    WHEN = 12
    YIELD = 13
    RETURN = 14
    SPLIT = 15
    STACK = 16
    WINDOW = 17
    FOLD = 18


class Mnemonic(IntEnum):
    """What an instruction does, for the disassembly and the bill; its timing rule is its `kind`."""

    RECV = 0
    SEND = 1
    LOAD = 2
    VEC = 3
    MVM = 4
    MVM_T = 5
    UPDATE = 6
    PROGRAM = 7
    REFRESH = 8
    STORE = 9
    FETCH = 10


class Trip(IntEnum):
    """Where a loop's trip comes from: a constant, a scalar argument of the entry, or data (a count).

    A loop of kind SPILL is one of the streams: its constant where what it moves is in DRAM, 0 where that stays.
    FILL, STEADY and DRAIN are loops over the executions of a pipelined entry (`ohmflow.compiler.program.beats`).
    """

    CONST = 0
    ARGUMENT = 1
    DATA = 2
    SPILL = 3
    FILL = 4
    STEADY = 5
    DRAIN = 6


class ValueKind(IntEnum):
    """What a value of the value engine is; tokens order the stored text and need no value."""

    VEC = 0
    SCALAR = 1
    INDEX = 2
    STASH = 3


OPERATION = np.dtype(
    [
        ("code", np.int32),  # Op
        ("phase", np.int32),  # index into PHASES
        ("symbol", np.int32),  # array, state or segment number, or -1
        ("symbol2", np.int32),  # the array that a transfer writes, or -1
        ("site", np.int32),
        # axis of a read or transfer (0 row, 1 col); modulus of a when; reverse of a for; row of the entry's windows;
        # of a state's access 0 for the whole, 1 for a row, 2 for a column
        ("attr", np.int32),
        ("group", np.int32),  # count group it reports to, or -1
        ("loop", np.int32),  # row of LOOPS for MAP, FOR, WHEN, else -1
        ("in_begin", np.int32),  # operand values: operands[in_begin:in_end]
        ("in_end", np.int32),
        ("out_begin", np.int32),
        ("out_end", np.int32),
        ("arg_begin", np.int32),  # block arguments of a region: induction value, then carried values
        ("arg_end", np.int32),
        ("body_end", np.int32),  # for regions: the row after the body, which begins at the next row
        ("lag", np.int32),  # of a pipelined entry: beats after the beginning of its execution, see `beats`; else 0
    ]
)
"""One operation of an entry, in stored order; a region's body follows its row."""

LOOPS = np.dtype(
    [
        ("code", np.int32),  # Op.MAP, Op.FOR or Op.WHEN
        ("parent", np.int32),
        ("trip_kind", np.int32),  # Trip
        ("trip", np.int64),  # constant, or number of the entry's argument
        ("group", np.int32),  # count group of a data-dependent trip or of a predicate, or -1
        ("carried", np.int32),  # number of carried values
        ("kept", np.int32),  # row of KEPT for a SPILL loop, else -1
        ("since", np.int32),  # of FILL, STEADY and DRAIN: a lag, and `trip` another one, see `beats`; else 0
    ]
)
"""The loops of an entry, shared by its operations and its instructions."""

GROUPS = np.dtype([("width", np.int32), ("depth", np.int32), ("loops", np.int32, (4,))])
"""Count groups: a count per iteration of `depth` enclosing loops (rows of LOOPS, outermost first) and per part."""

VALUES = np.dtype(
    [
        ("kind", np.int32),  # ValueKind
        ("element", np.int32),  # index into ELEMENTS
        ("elements", np.int64),  # of one row
        ("rank", np.int32),  # dimensions of one row
        ("depth", np.int32),  # nested stashes, 0 for a vector
    ]
)
"""Values of the value engine."""

ELEMENTS = ("f32", "i64", "i1")
"""Element types in the order of their number."""

INSTRUCTIONS = np.dtype(
    [
        ("mnemonic", np.int32),  # Mnemonic
        ("unit", np.int32),
        ("kind", np.int32),  # FIXED, READ, COUNTED
        ("phase", np.int32),
        ("wait0", np.int32),
        ("wait1", np.int32),
        ("signal", np.int32),
        ("t0", np.int32),
        ("t1", np.int32),
        ("t2", np.int32),
        ("t3", np.int32),
        ("group", np.int32),  # count group of its count, or -1
        ("offset", np.int32),  # part of the group (a block) in the first iteration, 0 if the width is 1
        # For each loop around: iterations of the group's last loop that one iteration of it stands for; 0 where the
        # loop is one of the group's own.
        ("steps", np.int32, (4,)),
        ("operation", np.int32),  # the operation it is a part of
        ("array", np.int32),
        ("block", np.int32),
        ("buffer_write", np.int64),  # bytes, in a tile's buffer or a vector unit's scratchpad
        ("buffer_read", np.int64),
        ("simple", np.int64),  # elements processed by simple operators
        ("special", np.int64),  # elements processed by exp, log, tanh, sigmoid, division
        ("host_bytes", np.int64),
    ]
)
"""One instruction of a unit; instructions of one unit stand together, in order."""

STREAM_LOOPS = np.dtype([("begin", np.int32), ("end", np.int32), ("parent", np.int32), ("loop", np.int32)])
"""Hardware loops of the streams; `loop` is the row of LOOPS they execute."""
