"""Loops and conditions: map, for, when, and the yield that ends their bodies.

A loop's body sees everything above it; names inside are printed anew in each body, so that a change in one loop does
not rename values in the next. What an iteration yields is either *carried* (handed to the next iteration) or
*collected* (kept for every iteration, by its index).
"""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.dialects.builtin import IndexType, IntegerAttr, UnitAttr, i64
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsTerminator
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.effects import ConsumesVersions
from ohmflow.compiler.tile.printing import (
    parse_after,
    parse_extra,
    parse_operand,
    parse_operands,
    print_after,
    print_extra,
)
from ohmflow.compiler.tile.tile_types import DoneType, ScalarType, VecType, VersionType, collected_type

TRIP_TYPES: tuple[Attribute, ...] = (ScalarType(IndexType()), VecType((), i64))


def loop_body(carried: Sequence[Attribute] = ()) -> Block:
    """Make an empty loop body.

    Args:
        carried: Types of carried values.

    Returns:
        A block whose first argument is the induction variable, followed by the carried values.
    """
    return Block(arg_types=[IndexType(), *carried])


@irdl_op_definition
class YieldOp(IRDLOperation, ConsumesVersions):
    """End an iteration of a loop, or the body of a when.

    Values: `carried` go to the next iteration (or are the results of the when), `collected` are kept. Time: a carried
    version is handed on once the reads in `after` have finished.

    ```
    tile.yield %y, %done
    tile.yield (%v2, %h), (%y) after (%done)
    ```
    """

    name = "tile.yield"
    carried = var_operand_def()
    collected = var_operand_def()
    after = var_operand_def(DoneType)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(MapOp, ForOp, WhenOp)))

    def __init__(
        self, collected: Sequence[SSAValue] = (), carried: Sequence[SSAValue] = (), after: Sequence[SSAValue] = ()
    ):
        """End an iteration.

        Args:
            collected: Values kept for every iteration.
            carried: Values for the next iteration.
            after: Done tokens of every read of a carried version.
        """
        super().__init__(operands=[list(carried), list(collected), list(after)])

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return [value for value in self.carried if isinstance(value.type, VersionType)]

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "YieldOp":
        carried: list[SSAValue] = []
        collected: list[SSAValue] = []
        first = parser.parse_optional_comma_separated_list(parser.Delimiter.PAREN, lambda: parse_operand(parser))
        if first is not None:
            carried = first
            if parser.parse_optional_punctuation(","):
                collected = parse_operands(parser)
        else:
            collected = parser.parse_comma_separated_list(parser.Delimiter.NONE, lambda: parse_operand(parser))
        op = cls(collected, carried, parse_after(parser))
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        if self.carried:
            printer.print_operands(self.carried)
            if self.collected:
                printer.print_string(", ")
                printer.print_operands(self.collected)
        elif self.collected:
            printer.print_list(self.collected, printer.print_operand)
        else:
            printer.print_string("()")
        print_after(printer, self.after)
        print_extra(printer, self)


class _BodyOp(IRDLOperation):
    """What map, for and when share: one block that ends in a yield."""

    body = region_def("single_block")
    outs = var_result_def()

    @property
    def block(self) -> Block:
        """The body."""
        return self.body.block

    @property
    def yielded(self) -> YieldOp:
        """The operation that ends the body."""
        return yield_of(self.body)

    def verify_body(self, arguments: Sequence[Attribute]) -> None:
        """Check the body's arguments and its end.

        Args:
            arguments: Types that the body's arguments must have.

        Raises:
            VerifyException: It has others, or does not end in a yield.
        """
        if not isinstance(self.block.last_op, YieldOp):
            raise VerifyException(f"the body of {self.name} must end in tile.yield; add it")
        if list(self.block.arg_types) != list(arguments):
            told = ", ".join(str(type) for type in arguments)
            raise VerifyException(f"arguments of the body must be ({told}); correct them")

    def verify_carried(self, init: Sequence[SSAValue], inside: Sequence[SSAValue]) -> None:
        """Check that carried values keep their types.

        Args:
            init: Values before the first iteration.
            inside: Values that the body yields as carried.

        Raises:
            VerifyException: Their number or a type differs.
        """
        before, after = [value.type for value in init], [value.type for value in inside]
        if before != after:
            raise VerifyException(
                f"the body must carry on ({', '.join(map(str, before))}), not ({', '.join(map(str, after))}); "
                "yield as many carried values as the loop has, of the same types"
            )
        for type in before:
            if not isinstance(type, VecType | VersionType | DoneType):
                raise VerifyException(f"a carried value must be a vec, a version or a done, not {type}; collect it")

    def verify_collected(self, results: Sequence[SSAValue]) -> None:
        """Check that each collected value gives the result that it should.

        Args:
            results: The loop's results for collected values.

        Raises:
            VerifyException: A value can not be collected, or a result has another type.
        """
        values = self.yielded.collected
        if len(values) != len(results):
            raise VerifyException(f"results must be one a yielded value, not {len(results)} for {len(values)}")
        for value, result in zip(values, results, strict=True):
            wanted = collected_type(value.type)
            if wanted is None:
                raise VerifyException(f"a collected value must be a vec, a stash or a done, not {value.type}; drop it")
            if result.type != wanted:
                raise VerifyException(f"collecting {value.type} must give {wanted}, not {result.type}; correct it")


def yield_of(body: Region) -> YieldOp:
    """Find the yield that ends a body.

    Args:
        body: Region of one block.

    Returns:
        Its last operation.

    Raises:
        VerifyException: It does not end in a yield.
    """
    last = body.block.last_op
    if not isinstance(last, YieldOp):
        raise VerifyException("the body of a loop or when must end in tile.yield; add it")
    return last


def _collected(body: Region) -> list[Attribute]:
    return [collected_type(value.type) or value.type for value in yield_of(body).collected]


def _region(body: Region | Block) -> Region:
    return body if isinstance(body, Region) else Region(body)


class LoopOp(_BodyOp):
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


def _parse_carry(parser: Parser) -> tuple[list[Parser.Argument], list[SSAValue]]:
    arguments: list[Parser.Argument] = []
    init: list[SSAValue] = []

    def one() -> None:
        argument = parser.parse_argument(expect_type=False)
        parser.parse_punctuation("=")
        init.append(parse_operand(parser))
        arguments.append(argument.resolve(init[-1].type))

    if parser.parse_optional_keyword("carry"):
        parser.parse_comma_separated_list(parser.Delimiter.PAREN, one)
    return arguments, init


def _print_carry(printer: Printer, arguments: Sequence[SSAValue], init: Sequence[SSAValue]) -> None:
    def one(pair: tuple[SSAValue, SSAValue]) -> None:
        printer.print_ssa_value(pair[0])
        printer.print_string(" = ")
        printer.print_operand(pair[1])

    if init:
        printer.print_string(" carry ")
        with printer.in_parens():
            printer.print_list(zip(arguments, init, strict=True), one)


def _print_body(printer: Printer, op: Operation, body: Region) -> None:
    print_extra(printer, op)
    printer.print_string(" ")
    printer.print_region(body, print_entry_block_args=False)


def _parse_body(parser: Parser, arguments: Sequence[Parser.Argument]) -> tuple[dict[str, Attribute], Region]:
    extra = parse_extra(parser)
    position = parser.pos
    body = parser.parse_region(arguments)
    if not isinstance(body.block.last_op, YieldOp):
        parser.raise_error("the body of a loop or when must end in tile.yield; add it", position)
    return extra, body


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
        region = _region(body)
        constant = IntegerAttr(trip, i64) if isinstance(trip, int) else None
        super().__init__(
            operands=[None if isinstance(trip, int) else trip],
            result_types=[_collected(region)],
            properties={"count": constant},
            regions=[region],
        )

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "MapOp":
        index, trip = _parse_head(parser)
        extra, body = _parse_body(parser, [index])
        op = cls(trip, body)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        self.print_head(printer)
        _print_body(printer, self, self.body)
        printer.exit_scope()

    @override
    def verify_(self) -> None:
        self.verify_trip()
        self.verify_body([IndexType()])
        if self.yielded.carried or self.yielded.after:
            raise VerifyException("iterations of a map must not carry values on; use tile.for")
        self.verify_collected(self.outs)


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
        region = _region(body)
        super().__init__(
            operands=[list(init), list(after), None if isinstance(trip, int) else trip],  # inherited fields come last
            result_types=[[*(value.type for value in init), *_collected(region)]],
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
        arguments, init = _parse_carry(parser)
        after = parse_after(parser)
        extra, body = _parse_body(parser, [index, *arguments])
        op = cls(trip, body, init, after, reverse)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        self.print_head(printer)
        printer.print_string(" reverse" if self.reverse is not None else "")
        _print_carry(printer, self.block.args[1:], self.init)
        print_after(printer, self.after)
        _print_body(printer, self, self.body)
        printer.exit_scope()

    @override
    def verify_(self) -> None:
        self.verify_trip()
        self.verify_body([IndexType(), *(value.type for value in self.init)])
        self.verify_carried(self.init, self.yielded.carried)
        self.verify_carried(self.init, self.outs[: len(self.init)])
        self.verify_collected(self.collected_outs)


@irdl_op_definition
class WhenOp(_BodyOp, ConsumesVersions):
    """Do something every k-th time.

    Values: taken when the counter is a multiple of k (0 is one); then the results are what the body yields, else the
    carried values as they were. Time: nothing when it is not taken.

    ```
    %va2, %vc2 = tile.when %count every 5 carry (%a = %va, %c = %vc) after (%da) {
      …
      tile.yield (%a, %c2) after (%done)
    }
    ```
    """

    name = "tile.when"
    counter = operand_def(VecType((), i64))
    init = var_operand_def()
    after = var_operand_def(DoneType)
    every = prop_def(IntegerAttr)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        counter: SSAValue,
        every: int,
        body: Region | Block,
        init: Sequence[SSAValue] = (),
        after: Sequence[SSAValue] = (),
    ):
        """Make a when of a finished body.

        Args:
            counter: `vec<i64>`.
            every: k, at least 1.
            body: Block with the carried values as arguments, ending in a yield of as many carried values.
            init: Carried values.
            after: Done tokens of every read of a carried version.
        """
        super().__init__(
            operands=[counter, list(init), list(after)],
            result_types=[[value.type for value in init]],
            properties={"every": IntegerAttr(every, i64)},
            regions=[_region(body)],
        )

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return [value for value in self.init if isinstance(value.type, VersionType)]

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "WhenOp":
        counter = parse_operand(parser)
        parser.parse_keyword("every")
        every = parser.parse_integer(allow_boolean=False)
        arguments, init = _parse_carry(parser)
        after = parse_after(parser)
        extra, body = _parse_body(parser, arguments)
        op = cls(counter, every, body, init, after)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        printer.print_string(" ")
        printer.print_operand(self.counter)
        printer.print_string(f" every {self.every.value.data}")
        _print_carry(printer, self.block.args, self.init)
        print_after(printer, self.after)
        _print_body(printer, self, self.body)
        printer.exit_scope()

    @override
    def verify_(self) -> None:
        if self.every.value.data < 1:
            raise VerifyException(f"every must be at least 1, not {self.every.value.data}; correct it")
        self.verify_body([value.type for value in self.init])
        if self.yielded.collected:
            raise VerifyException("a when must not collect values; carry them: tile.yield (%a)")
        self.verify_carried(self.init, self.yielded.carried)
        self.verify_carried(self.init, self.outs)
