"""Conditions: doing something every k-th time."""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Block, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    irdl_op_definition,
    operand_def,
    prop_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.body import (
    BodyOp,
    body_region,
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
from ohmflow.compiler.tile.tile_types import DoneType, VecType, VersionType


@irdl_op_definition
class WhenOp(BodyOp, ConsumesVersions):
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
            regions=[body_region(body)],
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
        arguments, init = parse_carry(parser)
        after = parse_after(parser)
        extra, body = parse_body(parser, arguments)
        op = cls(counter, every, body, init, after)
        op.attributes.update(extra)
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.enter_scope()
        printer.print_string(" ")
        printer.print_operand(self.counter)
        printer.print_string(f" every {self.every.value.data}")
        print_carry(printer, self.block.args, self.init)
        print_after(printer, self.after)
        print_body(printer, self, self.body)
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
