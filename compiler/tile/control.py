"""Loops: map (independent iterations) and for (serial ones that hand values on)."""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.dialects.builtin import IndexType, IntegerAttr, UnitAttr, i64
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    irdl_op_definition,
    opt_operand_def,
    opt_prop_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.body import (
    BodyOp,
    YieldOp,
    body_region,
    collected_types,
    parse_body,
    parse_carry,
    print_body,
    print_carry,
)
from ohmflow.compiler.tile.effects import ConsumesVersions
from ohmflow.compiler.tile.printing import (
    parse_after,
    parse_operand,
    print_after,
)
from ohmflow.compiler.tile.tile_types import DoneType, ScalarType, VecType, VersionType
from ohmflow.compiler.tile.when import WhenOp

__all__ = ["TRIP_TYPES", "ForOp", "LoopOp", "MapOp", "WhenOp", "YieldOp", "loop_body"]

TRIP_TYPES: tuple[Attribute, ...] = (ScalarType(IndexType()), VecType((), i64))


def loop_body(carried: Sequence[Attribute] = ()) -> Block:
    """Make an empty loop body.

    Args:
        carried: Types of carried values.

    Returns:
        A block whose first argument is the induction variable, followed by the carried values.
    """
    return Block(arg_types=[IndexType(), *carried])


class LoopOp(BodyOp):
    """What map and for share: an induction variable and a trip count."""

    trip = opt_operand_def()
    count = opt_prop_def(IntegerAttr)

    @property
    def index(self) -> BlockArgument:
        """The induction variable."""
        return self.block.args[0]

    @property
    def trip_count(self) -> SSAValue | int:
        """How often it runs: a value, or a constant."""
        if self.trip is not None:
            return self.trip
        assert self.count is not None, "verified: a loop has a trip operand or a constant"
        return self.count.value.data

    def verify_trip(self) -> None:
        """Check the trip count.

        Raises:
            VerifyException: There is none or there are two, or it is of another type.
        """
        if (self.trip is None) == (self.count is None):
            raise VerifyException("the trip count must be a value or a constant, one of them; write 'to %n' or 'to 8'")
        if self.count is not None and self.count.value.data < 0:
            raise VerifyException(f"the trip count must be at least 0, not {self.count.value.data}; correct it")
        if self.trip is not None and self.trip.type not in TRIP_TYPES:
            raise VerifyException(
                f"the trip count must be !tile.scalar<index> or !tile.vec<i64>, not {self.trip.type}; pass a count"
            )

    def print_head(self, printer: Printer) -> None:
        """Write ` %i to %n`.

        Args:
            printer: Where to.
        """
        printer.print_string(" ")
        printer.print_ssa_value(self.index)
        printer.print_string(" to ")
        trip = self.trip_count
        if isinstance(trip, int):
            printer.print_string(str(trip))
        else:
            printer.print_operand(trip)


def _parse_head(parser: Parser) -> tuple[Parser.Argument, SSAValue | int]:
    index = parser.parse_argument(expect_type=False).resolve(IndexType())
    parser.parse_keyword("to")
    constant = parser.parse_optional_integer(allow_boolean=False)
    return index, parse_operand(parser) if constant is None else constant


@irdl_op_definition
class MapOp(LoopOp):
    """Independent iterations, such as the samples of a batch that are read at frozen weights.

    Values: iteration i = 0 … n−1; a yielded vec or stash is collected by i, a yielded done is done when all are. No
    version is consumed inside. Time: iterations overlap as the units allow: while one vector is converted, the next
    may be driven.

    ```
    %ys, %done = tile.map %i to %batch {
      %x = tile.unstash %xs[%i]
      %y, %d = tile.mvm @W1 site 0 forward (%x, %v) : !tile.vec<256xf32>
      tile.yield %y, %d
    }
    ```
    """

    name = "tile.map"

    def __init__(self, trip: SSAValue | int, body: Region | Block):
        """Make a map of a finished body.

        Args:
            trip: How many iterations.
            body: Block with the induction variable as its argument, ending in a yield.
        """
        region = body_region(body)
        constant = IntegerAttr(trip, i64) if isinstance(trip, int) else None
        super().__init__(
            operands=[None if isinstance(trip, int) else trip],
            result_types=[collected_types(region)],
            properties={"count": constant},
            regions=[region],
        )

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "MapOp":
        index, trip = _parse_head(parser)
        extra, body = parse_body(parser, [index])
        op = cls(trip, body)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        self.print_head(printer)
        print_body(printer, self, self.body)
        printer.exit_scope()

    @override
    def verify_(self) -> None:
        self.verify_trip()
        self.verify_body([IndexType()])
        if self.yielded.carried or self.yielded.after:
            raise VerifyException("iterations of a map must not carry values on; use tile.for")
        self.verifycollected_types(self.outs)


@irdl_op_definition
class ForOp(LoopOp, ConsumesVersions):
    """Serial iterations that hand values on.

    Values: i = 0 … n−1, or n−1 … 0 with `reverse`; carried values (vecs, versions, dones) go from one iteration to
    the next, and the last are results; collected values are kept by i, whatever the order of visits. Time: an
    iteration starts when what it needs of the one before is there. Versions are taken over once the reads in `after`
    have finished.

    ```
    %v2, %hs = tile.for %t to 8 reverse carry (%w = %v) after (%done) {
      …
      tile.yield (%w2), (%h)
    }
    ```
    """

    name = "tile.for"
    init = var_operand_def()
    after = var_operand_def(DoneType)
    reverse = opt_prop_def(UnitAttr)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        trip: SSAValue | int,
        body: Region | Block,
        init: Sequence[SSAValue] = (),
        after: Sequence[SSAValue] = (),
        reverse: bool = False,
    ):
        """Make a loop of a finished body.

        Args:
            trip: How many iterations.
            body: Block with the induction variable and the carried values as arguments, ending in a yield.
            init: Carried values before the first iteration.
            after: Done tokens of every read of a carried version.
            reverse: Visit the indices from the last to the first.
        """
        region = body_region(body)
        super().__init__(
            operands=[list(init), list(after), None if isinstance(trip, int) else trip],  # inherited fields come last
            result_types=[[*(value.type for value in init), *collected_types(region)]],
            properties={
                "count": IntegerAttr(trip, i64) if isinstance(trip, int) else None,
                "reverse": UnitAttr() if reverse else None,
            },
            regions=[region],
        )

    @property
    def carried_outs(self) -> Sequence[SSAValue]:
        """Results that are the last carried values."""
        return self.outs[: len(self.init)]

    @property
    def collected_outs(self) -> Sequence[SSAValue]:
        """Results that are collected values."""
        return self.outs[len(self.init) :]

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return [value for value in self.init if isinstance(value.type, VersionType)]

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ForOp":
        index, trip = _parse_head(parser)
        reverse = parser.parse_optional_keyword("reverse") is not None
        arguments, init = parse_carry(parser)
        after = parse_after(parser)
        extra, body = parse_body(parser, [index, *arguments])
        op = cls(trip, body, init, after, reverse)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        self.print_head(printer)
        printer.print_string(" reverse" if self.reverse is not None else "")
        print_carry(printer, self.block.args[1:], self.init)
        print_after(printer, self.after)
        print_body(printer, self, self.body)
        printer.exit_scope()

    @override
    def verify_(self) -> None:
        self.verify_trip()
        self.verify_body([IndexType(), *(value.type for value in self.init)])
        self.verify_carried(self.init, self.yielded.carried)
        self.verify_carried(self.init, self.outs[: len(self.init)])
        self.verifycollected_types(self.collected_outs)
