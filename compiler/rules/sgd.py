"""Pulsed stochastic gradient descent: W becomes W − lr·x·dᵀ for every sample, by pulses, in place.

Source: Gokmen and Vlasov 2016, 10.3389/fnins.2016.00333.
"""

from xdsl.ir import SSAValue

from ohmflow.compiler.rules.protocol import UpdateContext
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.control import ForOp, YieldOp, loop_body
from ohmflow.compiler.tile.stash import UnstashOp


class Sgd:
    """One update for every sample and site, in (sample, site) order.

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

    def lower(self, context: UpdateContext) -> SSAValue:
        """Append the loop; see the class."""
        body = loop_body([context.version.type])
        index = body.args[0]
        version: SSAValue = body.args[1]
        index.name_hint, version.name_hint = "i", context.version.name_hint
        for site in context.sites:
            x, d = UnstashOp(site.x, index), UnstashOp(site.d, index)
            x.value.name_hint, d.value.name_hint = "x", "d"
            update = UpdateOp(context.array, site.site, x.value, d.value, context.lr, version, scheme=context.scheme)
            body.add_ops([x, d, update])
            version = update.outs[0]
            version.name_hint = context.version.name_hint
        body.add_op(YieldOp(carried=[version]))
        loop = ForOp(context.batch, body, [context.version], after=list(context.dones))
        loop.carried_outs[0].name_hint = context.version.name_hint
        context.block.add_op(loop)
        return loop.carried_outs[0]
