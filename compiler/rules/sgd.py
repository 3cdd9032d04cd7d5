"""Pulsed stochastic gradient descent: W becomes W − lr·x·dᵀ for every sample, by pulses, in place.

Memory: one device a weight, nothing digital.
Source: Gokmen and Vlasov 2016, 10.3389/fnins.2016.00333.
"""

from collections.abc import Mapping, Sequence

from xdsl.ir import SSAValue

from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import MAIN, Rule, UpdateContext
from ohmflow.compiler.tile.compute import UpdateOp


class Sgd(Rule):
    """One update for every sample, site and position, in this order.

    ```
    %w2 = tile.for %i to %batch carry (%w = %v) after (%done) {
      %x = tile.unstash %xs[%i]
      %d = tile.unstash %ds[%i]
      %w1 = tile.update @W site 0 (%x, %d, %lr, %w)
      tile.yield (%w1)
    }
    ```
    """

    name = "sgd"

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the loop; see the class."""

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            op = UpdateOp(context.array, pair.site, pair.x, pair.d, context.lr, carried[0], scheme=context.scheme)
            pair.block.add_op(op)
            return [op.outs[0]]

        (last,) = for_each_vector(context, [context.version], step, context.dones)
        return {MAIN: last}
