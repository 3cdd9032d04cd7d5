"""Are the uses of an array told apart? A site, with array, kind of use and phase, keys random draws."""

from collections.abc import Iterator

from xdsl.ir import Operation

from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.entry import EntryOp


def site_faults(entry: EntryOp) -> Iterator[tuple[Operation, str]]:
    """Check that no two operations of an entry share a site.

    Args:
        entry: The entry.

    Yields:
        The second operation and what is wrong.
    """
    seen: set[tuple[str, str, str, int]] = set()
    for op in entry.walk():
        if not isinstance(op, MvmOp | MvmTOp | UpdateOp):
            continue
        phase = op.phase_name if isinstance(op, UpdateOp) else op.phase.data
        key = (op.name, op.array_name, phase, op.site_number)
        if key in seen:
            yield (
                op,
                f"site {op.site_number} of @{op.array_name} must have one {op.name} in phase {phase}, not several; "
                "number its uses",
            )
        seen.add(key)
