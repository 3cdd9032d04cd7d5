"""How operations read and change versions: the interface that the linearity check and the passes use.

An operation that reads a version gives a done token for it. One that consumes a version (changes it, or hands it on)
names in `after` the done tokens of every read of that version, so that nothing is changed under a read's feet.
"""

from collections.abc import Sequence

from xdsl.ir import SSAValue


class ReadsVersions:
    """An operation that looks at versions and leaves them."""

    def read_versions(self) -> Sequence[SSAValue]:
        """Say which operands it reads.

        Returns:
            The version operands.
        """
        raise NotImplementedError

    def read_done(self) -> SSAValue:
        """Say which result tells that all of these reads have finished.

        Returns:
            The done result.
        """
        raise NotImplementedError


class ConsumesVersions:
    """An operation after which a version is no more: it was changed or handed on."""

    def consumed_versions(self) -> Sequence[SSAValue]:
        """Say which operands it consumes.

        Returns:
            The version operands.
        """
        raise NotImplementedError

    def waits_for(self) -> Sequence[SSAValue] | None:
        """Say which done tokens it waits for.

        Returns:
            The `after` operands; None when it need not wait, because the entry's end waits for everything (commit).
        """
        raise NotImplementedError
