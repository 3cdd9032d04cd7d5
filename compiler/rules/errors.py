"""What can be wrong with the choice of an update rule."""

from typing import ClassVar

from ohmflow.compiler.errors import CompilerError


class RuleError(CompilerError):
    """A rule's option that is not known or out of range, or a pattern that no array has."""

    exit_status: ClassVar[int] = 2


class RuleUnfitError(CompilerError):
    """A rule that can not work on this device or layer, whatever its options."""

    exit_status: ClassVar[int] = 3
