"""Faults in tile IR that its writer can mend."""


class TileError(Exception):
    """A tile IR text, module or pass pipeline is wrong.

    The message is one sentence a fault, ``where: what must be <constraint>, not <value>; do this``, one line each;
    ``where`` is ``file:line:column`` for parsed text, else the operation and its entry.

    Attributes:
        exit_status: What the shell returns for it (2: bad input).
    """

    exit_status = 2
