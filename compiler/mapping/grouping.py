"""Whether a convolution in groups goes to arrays or stays on the vector unit: whichever takes fewer cycles.

Each group is an array of its own. Groups that share a tile are read one after the other; on tiles of their own, at the
same time, though the vector unit gathers their results in turn. A vector unit takes a multiply and an add for every
term. Forward, backward and update each cost about one such pass on either side, so one is compared.
"""

from collections.abc import Callable

from ohmflow.compiler.arrays.convolution import Grouped
from ohmflow.targets import timing
from ohmflow.targets.schema.target import Target


def stays_digital(target: Target, packing: str) -> Callable[[Grouped], str | None]:
    """Make the choice for a target.

    Args:
        target: whose cycles count; without time, only groups of one output stay digital: a crossbar of one column
            does no more than a row of multipliers.
        packing: `spread` gives arrays tiles of their own.

    Returns:
        What tells why a convolution in groups had better stay digital, or None.
    """

    def reason(conv: Grouped) -> str | None:
        if target.chip is None:
            return "each of its groups has one output" if conv.cols == 1 else None
        arrays = _array_cycles(target, packing, conv)
        unit = target.chip.vector_unit
        terms = 2 * conv.positions * conv.groups * conv.rows * conv.cols
        digital = -(-terms // unit.lanes) * unit.ii
        if arrays <= digital:
            return None
        return (
            f"its {conv.groups} groups would take {arrays:,} cycles a sample as arrays of {conv.rows} × {conv.cols}, "
            f"and take {digital:,} on a vector unit"
        )

    return reason


def _array_cycles(target: Target, packing: str, conv: Grouped) -> int:
    assert target.chip is not None, "the caller looked"
    read = timing.read_interval(target, conv.cols, "cols")
    together = min(conv.groups, target.chip.tiles) if packing == "spread" else 1
    gathered = conv.groups * max(1, -(-conv.cols // target.chip.vector_unit.lanes) * target.chip.vector_unit.ii)
    return conv.positions * max(-(-conv.groups // together) * read, gathered)
