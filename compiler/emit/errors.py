"""Tile IR that is sound but can not be made a program yet."""


class EmitError(Exception):
    """An operation that the machine does not execute; the text names it and what to do."""

    exit_status = 3
