"""Columns of the packed tables that the event engine reads; `clock.py` packs them."""

KIND, PHASE, WAIT0, WAIT1, SIGNAL, T0, T1, T2, T3, COUNT, STRIDE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""Columns of an instruction."""

L_BEGIN, L_END, L_PARENT, L_TRIP, L_COUNT, L_STRIDE = 0, 1, 2, 3, 4, 5
"""Columns of a loop."""

C_SRC, C_DST, C_DEPTH, C_FLITS, C_RBEGIN, C_REND = 0, 1, 2, 3, 4, 5
"""Columns of a channel."""

BUSY, MESSAGE, CREDIT, CONVERTER = 0, 1, 2, 3
"""Columns of an instruction's activity."""
