"""`tile.update:`, `tile.program:` how the devices of a crossbar are written."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import Fraction01
from ohmflow.targets.schema.leaves import Bool, Choice, Cycles, Whole
from ohmflow.targets.schema.model import SectionModel

LONGEST_TRAIN = 63
"""Most slots of a pulse train: it is a mask of 64 bits, of which one keeps the count below the ordinals' 64."""


class Update(SectionModel):
    """`tile.update:` how an outer product becomes pulses.

    Attributes:
        train_length: pulse slots of the longest train (BL_max); 0 on a device without pulses.
        scheme: `stochastic-compressed`: random trains, both signs in one pass; `stochastic`: one pass for each sign of
            the product, twice the time; `deterministic-implicit`: counts that are rounded; `mean-count`: counts drawn
            about their mean.
        update_management: rows and columns share the probability by their largest magnitudes.
        train_length_management: trains are no longer than needed.
        setup: cycles before the first pulse.
        kernel: how updates are simulated: `fused` applies several pulses of a device at once where that has the same
            law, or nearly; `reference` applies every pulse in turn, which takes longer. Draws differ, so it is in the
            hash where it is `reference`.
    """

    train_length: Annotated[int, Whole(0, 100_000)]
    scheme: Annotated[Literal["stochastic-compressed", "stochastic", "deterministic-implicit", "mean-count"], Choice()]
    update_management: Bool
    train_length_management: Bool
    setup: Cycles
    kernel: Annotated[Literal["fused", "reference"], Choice()] = "fused"


class Program(SectionModel):
    """`tile.program:` how stored weights are written.

    Attributes:
        mode: `ideal` writes exactly and takes no time; `write-verify` in rounds of pulses and a read.
        error: standard deviation of what remains, as a share of w_max - w_min.
        rounds: per row.
        pulses_per_round: pulse slots of one round.
    """

    mode: Annotated[Literal["ideal", "write-verify"], Choice()]
    error: Fraction01
    rounds: Cycles
    pulses_per_round: Cycles
