"""How long things take inside a router and around it, as the kernel takes it.

Two users have a network of their own timing: `ohmflow network` (`docs/network.md`) and the clock of the machine
(`docs/microarchitecture.md`). The cycle of a router is the same, `router.py`; only these numbers differ.
"""

from typing import NamedTuple


class Pipeline(NamedTuple):
    """Virtual channels, and cycles between a cause and its effect. All but `emptiest` and `split` are at least 1.

    Attributes:
        vcs: virtual channels of every input.
        emptiest: 1 if a packet takes, of the channels that it may have, the one with most credits, lowest of equals;
            0 if it takes them in turns. In turns, what a router did long ago decides what it does next, and a program
            that repeats does so only after very many periods.
        split: 1 if a packet asks for the switch in the cycle after it got an output channel, 0 if in the same one.
        inject: from a flit leaving its source to its being at the router.
        forward: from a flit getting the switch to its being at the neighbour.
        eject: from a flit getting the switch to its being at the node.
        back: from a flit getting the switch to its credit being at the neighbour's output that it came from.
        back_source: the same, if it came from the source.
        back_sink: from a flit getting the switch to the node to its credit being at that output.
    """

    vcs: int
    emptiest: int
    split: int
    inject: int
    forward: int
    eject: int
    back: int
    back_source: int
    back_sink: int

    @property
    def longest(self) -> int:
        """Cycles of the longest of them."""
        return max(self[3:])


def alone(vcs: int, link: int, credit: int) -> Pipeline:
    """The router of `ohmflow network`: a cycle each for the output channel, the switch and the crossbar.

    Args:
        vcs: virtual channels.
        link: cycles of a link between routers; those to and from a node take 1.
        credit: cycles from the receipt of a credit to its use.
    """
    return Pipeline(vcs, 0, 1, 2, 2 + link, 3, 1 + link + credit, 2, 5 + credit)
