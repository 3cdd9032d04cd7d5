"""Bodies of loops and conditions: the yield that ends them, and what they carry and collect.

A body sees everything above it. What an iteration yields is either *carried* (handed to the next iteration) or
*collected* (kept for every iteration, by its index). Names inside are printed anew in each body, so that a change in
one loop does not rename values in the next.
"""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator
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
from ohmflow.compiler.tile.tile_types import DoneType, VecType, VersionType, collected_type


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
    traits = traits_def(IsTerminator())

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

    @override
    def verify_(self) -> None:
        if self.parent is not None and not isinstance(self.parent_op(), BodyOp):
            raise VerifyException("tile.yield must end the body of a map, for or when; end an entry in tile.return")


class BodyOp(IRDLOperation):
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

    def verifycollected_types(self, results: Sequence[SSAValue]) -> None:
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


def collected_types(body: Region) -> list[Attribute]:
    """Find the types of a loop's results for what its body collects.

    Args:
        body: Region of one block that ends in a yield.

    Returns:
        One type a collected value; a value that can not be collected keeps its type, for the verifier to refuse.

    Raises:
        VerifyException: The body does not end in a yield.
    """
    return [collected_type(value.type) or value.type for value in yield_of(body).collected]


def body_region(body: Region | Block) -> Region:
    """Make a region of a body.

    Args:
        body: A block, or the region already.

    Returns:
        The region.
    """
    return body if isinstance(body, Region) else Region(body)


def parse_carry(parser: Parser) -> tuple[list[Parser.Argument], list[SSAValue]]:
    """Read ` carry (%a = %init, …)` if it is there.

    Args:
        parser: Where the keyword may stand.

    Returns:
        The body's arguments, and the values before the first iteration.
    """
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


def print_carry(printer: Printer, arguments: Sequence[SSAValue], init: Sequence[SSAValue]) -> None:
    """Write ` carry (%a = %init, …)`, or nothing.

    Args:
        printer: Where to.
        arguments: The body's arguments.
        init: The values before the first iteration.
    """

    def one(pair: tuple[SSAValue, SSAValue]) -> None:
        printer.print_ssa_value(pair[0])
        printer.print_string(" = ")
        printer.print_operand(pair[1])

    if init:
        printer.print_string(" carry ")
        with printer.in_parens():
            printer.print_list(zip(arguments, init, strict=True), one)


def print_body(printer: Printer, op: Operation, body: Region) -> None:
    """Write the discardable attributes and the body.

    Args:
        printer: Where to.
        op: The loop or when.
        body: Its region.
    """
    print_extra(printer, op)
    printer.print_string(" ")
    printer.print_region(body, print_entry_block_args=False)


def parse_body(parser: Parser, arguments: Sequence[Parser.Argument]) -> tuple[dict[str, Attribute], Region]:
    """Read the discardable attributes and the body, which must end in a yield.

    Args:
        parser: At either.
        arguments: The body's arguments.

    Returns:
        Both.
    """
    extra = parse_extra(parser)
    position = parser.pos
    body = parser.parse_region(arguments)
    if not isinstance(body.block.last_op, YieldOp):
        parser.raise_error("the body of a loop or when must end in tile.yield; add it", position)
    return extra, body
