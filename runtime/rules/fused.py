"""The door for fused kernels: which rules have one, and when it may run a loop.

A rule is written once, as tile operations; a loop that it wrote may carry a mark with its name and parameters. A
*fused* implementation runs such a loop whole, faster, and must give what interpreting it gives: the same values (or,
where it draws in another order, the same law), the same counts for the clock, the same events for the bill. It looks
at the loop's operations first and declines what it does not know; the loop is then interpreted.

Ours are listed here; an installed package names its own as entry points of the group `ohmflow.fused_rules`, under the
rule's name.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol
from warnings import warn

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.runtime.rules.fast_loop import fuse_buffered, fuse_direct
from ohmflow.runtime.rules.mixed_loop import fuse_mixed

if TYPE_CHECKING:
    from ohmflow.compiler.program.program import Program
    from ohmflow.runtime.ledger.tally import Tally
    from ohmflow.runtime.machine.frame import Frame
    from ohmflow.runtime.machine.plan import Node
    from ohmflow.runtime.machine.values import ValueEngine

GROUP = "ohmflow.fused_rules"


class FusedLoop(Protocol):
    """A loop that fits, ready to run."""

    def run(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", trip: int) -> None:
        """Run all iterations: change arrays and states, set what the loop carries, store counts, tally events.

        Args:
            engine: holds arrays (`arrays`), states, and statistics of updates.
            frame: values by number, and where counts go.
            tally: events of the entry.
            trip: iterations of the loop, above 0.
        """


class FusedRule(Protocol):
    """A fused implementation of a rule."""

    def __call__(self, loop: "Node", mark: LoopMark, program: "Program") -> FusedLoop | None:
        """Look at a loop that carries the rule's mark.

        Args:
            loop: with its body, and with `outs`, `args` and `ins` as value numbers.
            mark: what the rule said of it.
            program: whose arrays, states and segments the loop's symbols number.

        Returns:
            What runs it, or None if its structure is not the one that is known here.
        """


_OURS: Mapping[str, FusedRule] = {
    **dict.fromkeys(("tiki-taka-v2", "c-ttv2", "agad"), fuse_buffered),
    "mixed-precision": fuse_mixed,
    **dict.fromkeys(("shd", "residual", "tiki-taka"), fuse_direct),
}


def fused_rules() -> dict[str, FusedRule]:
    """Fused implementations by the name of their rule; a plug-in that can not be loaded is told and left out."""
    found = dict(_OURS)
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        try:
            found.setdefault(point.name, point.load())
        except Exception as error:  # whatever an outsider's module raises must not stop the others
            warn(f"fused rule '{point.name}' ({point.value}) can not be loaded: {error}", stacklevel=2)
    return found
