"""What can be wrong with a user's model, as exceptions that carry the shell's exit status.

Messages are one sentence a fault, `where: what must be <constraint>, not <value>; do this`; several faults of one
model are separate lines.
"""

from typing import ClassVar


class CompilerError(Exception):
    """A fault that the user can mend; the base of all errors of the compiler.

    Attributes:
        exit_status: what the shell exits with: 2 for bad input, 3 for sound input that can not be done.
    """

    exit_status: ClassVar[int] = 2


class ModelError(CompilerError):
    """The input is not a sound ONNX model of this kind: unreadable, invalid, without floating inputs, not finite."""

    exit_status: ClassVar[int] = 2


class UnsupportedError(CompilerError):
    """The model is sound, but asks for something that ohmflow does not do."""

    exit_status: ClassVar[int] = 3


class ChoiceError(CompilerError):
    """A name that is not known, or that two extensions claim."""

    exit_status: ClassVar[int] = 2
