"""Reading what a loop collected, and going between a stash of rows and one vector that holds them all."""

from typing_extensions import override
from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, operand_def, result_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.printing import parse_extra, parse_operand, print_extra
from ohmflow.compiler.tile.tile_types import StashType, VecType


@irdl_op_definition
class UnstashOp(IRDLOperation):
    """The element of a stash for an iteration.

    Values: what iteration `index` of the collecting loop yielded. `index` is the induction variable of a loop that
    runs as often as the collecting one (for a stash that is an argument of the entry: as the batch has samples).
    Time: a load from where it was stored.

    ```
    %x = tile.unstash %xs[%i]
    ```
    """

    name = "tile.unstash"
    stash = operand_def(StashType)
    index = operand_def(IndexType())
    value = result_def(base(VecType) | base(StashType))

    def __init__(self, stash: SSAValue, index: SSAValue):
        """Read an element.

        Args:
            stash: What was collected.
            index: Induction variable of a loop around.
        """
        assert isinstance(stash.type, StashType), "the caller passes a stash"
        super().__init__(operands=[stash, index], result_types=[stash.type.element_type])

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "UnstashOp":
        position = parser.pos
        stash = parse_operand(parser)
        if not isinstance(stash.type, StashType):
            parser.raise_error(f"only a stash has elements, not {stash.type}", position)
        with parser.in_square_brackets():
            index = parse_operand(parser)
        op = cls(stash, index)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.stash)
        with printer.in_square_brackets():
            printer.print_operand(self.index)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        held = self.stash.type.element_type if isinstance(self.stash.type, StashType) else None
        if self.value.type != held:
            raise VerifyException(f"the element must be {held}, not {self.value.type}; correct its type")


@irdl_op_definition
class SplitOp(IRDLOperation):
    """Take a vec apart along its first dimension, such as the positions of a convolution.

    Values: `vec<PxNxf32>` becomes a stash of P `vec<Nxf32>`, as if a loop of P iterations had collected it. Time:
    none by itself.

    ```
    %patches = tile.split %x
    ```
    """

    name = "tile.split"
    value = operand_def(VecType)
    stash = result_def(StashType)

    def __init__(self, value: SSAValue):
        """Take a vec apart.

        Args:
            value: A vec of rank 1 or more.
        """
        super().__init__(operands=[value], result_types=[StashType(_row(value))])

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "SplitOp":
        position = parser.pos
        value = parse_operand(parser)
        if not isinstance(value.type, VecType) or not value.type.dims:
            parser.raise_error(f"only a vec with a first dimension can be split, not {value.type}", position)
        op = cls(value)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.value)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        if not isinstance(self.value.type, VecType) or not self.value.type.dims:
            raise VerifyException(f"only a vec with a first dimension can be split, not {self.value.type}; reshape it")
        if self.stash.type != StashType(_row(self.value)):
            raise VerifyException(f"it must give {StashType(_row(self.value))}, not {self.stash.type}; correct it")


def _row(value: SSAValue) -> VecType:
    assert isinstance(value.type, VecType), "the caller passes a vec"
    return VecType(value.type.dims[1:], value.type.element_type)


@irdl_op_definition
class StackOp(IRDLOperation):
    """Put a stash together as one vec: the inverse of split.

    Values: a stash that a loop of P iterations collected becomes `vec<Px…>`. P is a constant. Time: none by itself.

    ```
    %y = tile.stack %rows : !tile.vec<576x8xf32>
    ```
    """

    name = "tile.stack"
    stash = operand_def(StashType)
    value = result_def(VecType)

    def __init__(self, stash: SSAValue, result: VecType):
        """Put a stash together.

        Args:
            stash: A stash of vecs.
            result: Type of the whole.
        """
        super().__init__(operands=[stash], result_types=[result])

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "StackOp":
        stash = parse_operand(parser)
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_type()
        if not isinstance(type, VecType):
            parser.raise_error(f"stacking must give a vec, not {type}", position)
        op = cls(stash, type)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.stash)
        printer.print_string(" : ")
        printer.print_attribute(self.value.type)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        whole = self.value.type
        if not isinstance(whole, VecType) or not whole.dims or StashType(_row(self.value)) != self.stash.type:
            raise VerifyException(f"rows of {whole} must be the elements of {self.stash.type}; correct its type")
