"""Columns of the packed tables that the event engine reads; `clock.py` packs them."""

KIND, PHASE, WAIT0, WAIT1, SIGNAL, T0, T1, T2, T3, COUNT, STRIDE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""Columns of an instruction."""

L_BEGIN, L_END, L_PARENT, L_TRIP, L_COUNT, L_STRIDE = 0, 1, 2, 3, 4, 5
"""Columns of a loop."""

C_SRC, C_DST, C_DEPTH, C_FIRST, C_LAST, C_SENT, C_TAKEN = 0, 1, 2, 3, 4, 5, 6
"""Columns of a channel: its ends and depth; the edges on which its messages leave the unit; and one past the last
channel of which a message that is sent takes a credit, or to which one that is consumed gives a credit back."""

S_LINK, S_CYCLES, S_FIRST, S_LAST, S_CHANNEL, S_BRANCHES, S_BRANCHES_END, S_ADDER, S_KEYS, S_DEPTH = range(10)
"""Columns of a step: its link and the cycles for which a message takes it; the edges behind it; the channel under which
it is recorded; the branches that join in front of it, their adder, and where the keys of what is held stand."""

E_TO, E_OFFSET, E_BRANCH = 0, 1, 2
"""Columns of an edge: the step to which it leads, or -1 - c for an arrival on channel c; cycles from the grant of the
step before; the branch that it is, or -1."""

BUSY, MESSAGE, CREDIT, CONVERTER = 0, 1, 2, 3
"""Columns of an instruction's activity."""
