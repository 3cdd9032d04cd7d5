"""Faults of a stored program."""


class ProgramError(Exception):
    """A program folder is incomplete, damaged, of another version, or made for another target."""

    exit_status = 2
