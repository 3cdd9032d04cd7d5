"""Pulsed stochastic gradient descent: W becomes W − lr·x·dᵀ for every sample, by pulses, in place.

Source: Gokmen and Vlasov 2016, 10.3389/fnins.2016.00333.
"""

from xdsl.ir import Block, SSAValue

from ohmflow.compiler.rules.protocol import UpdateContext
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.control import ForOp, YieldOp, loop_body
from ohmflow.compiler.tile.stash import UnstashOp


class Sgd:
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

    def lower(self, context: UpdateContext) -> SSAValue:
        """Append the loop; see the class."""
        body = loop_body([context.version.type])
        index = body.args[0]
        version: SSAValue = body.args[1]
        index.name_hint, version.name_hint = "i", context.version.name_hint
        for site in context.sites:
            x, d = site.at(body, index)
            if site.positions is None:
                version = self._update(context, body, site.site, x, d, version)
                continue
            inner = loop_body([version.type])
            inner.args[0].name_hint, inner.args[1].name_hint = "p", context.version.name_hint
            x_p, d_p = UnstashOp(x, inner.args[0]), UnstashOp(d, inner.args[0])
            x_p.value.name_hint, d_p.value.name_hint = "x", "d"
            inner.add_ops([x_p, d_p])
            last = self._update(context, inner, site.site, x_p.value, d_p.value, inner.args[1])
            inner.add_op(YieldOp(carried=[last]))
            positions = ForOp(site.positions, inner, [version])
            body.add_op(positions)
            version = positions.carried_outs[0]
            version.name_hint = context.version.name_hint
        body.add_op(YieldOp(carried=[version]))
        loop = ForOp(context.batch, body, [context.version], after=list(context.dones))
        loop.carried_outs[0].name_hint = context.version.name_hint
        context.block.add_op(loop)
        return loop.carried_outs[0]

    def _update(
        self, context: UpdateContext, block: Block, site: int, x: SSAValue, d: SSAValue, version: SSAValue
    ) -> SSAValue:
        op = UpdateOp(context.array, site, x, d, context.lr, version, scheme=context.scheme)
        op.outs[0].name_hint = context.version.name_hint
        block.add_op(op)
        return op.outs[0]
