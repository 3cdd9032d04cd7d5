"""Entries: what can be run (with the segments that they call)."""

from collections.abc import Mapping, Sequence

from typing_extensions import override
from xdsl.dialects.builtin import (
    FunctionType,
    IndexType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    i64,
)
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsolatedFromAbove, IsTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.printing import parse_extra, parse_operand, print_extra
from ohmflow.compiler.tile.segment import CallOp, SegmentOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType

__all__ = ["CallOp", "EntryOp", "ReturnOp", "SegmentOp"]


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """End an entry and say what it gives. Values: its operands. Time: none.

    ```
    tile.return %loss
    ```
    """

    name = "tile.return"
    values = var_operand_def()
    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(EntryOp)))

    def __init__(self, values: Sequence[SSAValue] = ()):
        """End an entry.

        Args:
            values: What it gives.
        """
        super().__init__(operands=[list(values)])

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ReturnOp":
        values: list[SSAValue] = []
        first = parser.parse_optional_unresolved_operand()
        if first is not None:
            values = [_resolve(parser, first.operand_name)]
            while parser.parse_optional_punctuation(","):
                values.append(parse_operand(parser))
        op = cls(values)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        if self.values:
            printer.print_string(" ")
            printer.print_list(self.values, printer.print_operand)
        print_extra(printer, self)


def _resolve(parser: Parser, name: str) -> SSAValue:
    values = parser.ssa_values.get(name)
    if values is None:
        parser.raise_error(f"%{name} must be defined above its use, not below or nowhere; move or correct it")
    return values[0]


@irdl_op_definition
class EntryOp(IRDLOperation):
    """Something that can be run: `program`, `infer`, `train_step`.

    Values: arguments are vecs, scalars of the run, and stashes that hold one element per sample. `batch` names the
    scalar that says how many samples there are; without it, it is the only `scalar<index>` argument. Time: an entry
    starts with everything idle and ends when everything in it has ended.

    ```
    tile.entry @infer(%xs: !tile.stash<!tile.vec<64xf32>>, %n: !tile.scalar<index>) -> !tile.stash<!tile.vec<8xf32>> {
      …
      tile.return %ys
    }
    ```
    """

    name = "tile.entry"
    sym_name = prop_def(SymbolNameConstraint())
    function_type = prop_def(FunctionType)
    batch = opt_prop_def(IntegerAttr)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove(), HasParent(ModuleOp))

    def __init__(
        self,
        name: str,
        body: Region | Block,
        results: Sequence[Attribute] = (),
        batch: int | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ):
        """Make an entry of a body.

        Args:
            name: Symbol.
            body: One block, its arguments those of the entry, ending in `tile.return`.
            results: Types of what it returns.
            batch: Number of the argument that is the batch, if several could be.
            attributes: Discardable attributes.
        """
        region = body if isinstance(body, Region) else Region(body)
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "function_type": FunctionType.from_lists(list(region.block.arg_types), results),
                "batch": None if batch is None else IntegerAttr(batch, i64),
            },
            regions=[region],
            attributes=dict(attributes or {}),
        )

    @property
    def block(self) -> Block:
        """The body."""
        return self.body.block

    @property
    def output_types(self) -> tuple[Attribute, ...]:
        """Types of what it returns."""
        return self.function_type.outputs.data

    @property
    def batch_argument(self) -> BlockArgument | None:
        """The argument that says how many samples there are, if there is one."""
        if self.batch is not None:
            return self.block.args[self.batch.value.data]
        counts = [argument for argument in self.block.args if argument.type == ScalarType(IndexType())]
        return counts[0] if len(counts) == 1 else None

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "EntryOp":
        name = parser.parse_symbol_name().data
        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_argument)
        results: list[Attribute] = []
        if parser.parse_optional_punctuation("->"):
            found = parser.parse_optional_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
            results = list(found) if found is not None else [parser.parse_type()]
        batch: int | None = None
        if parser.parse_optional_keyword("batch"):
            span = parser.parse_unresolved_operand().span
            names = [argument.name.text for argument in arguments]
            if span.text not in names:
                parser.raise_error(f"the batch must be an argument of the entry, not {span.text}", span)
            batch = names.index(span.text)
        extra = parse_extra(parser)
        return cls(name, parser.parse_region(arguments), results, batch, extra)

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        with printer.in_parens():
            printer.print_list(self.block.args, printer.print_block_argument)
        if self.output_types:
            printer.print_string(" -> ")
            if len(self.output_types) == 1:
                printer.print_attribute(self.output_types[0])
            else:
                with printer.in_parens():
                    printer.print_list(self.output_types, printer.print_attribute)
        if self.batch is not None:
            printer.print_string(" batch ")
            printer.print_ssa_value(self.block.args[self.batch.value.data])
        print_extra(printer, self)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)

    @override
    def verify_(self) -> None:
        name = self.sym_name.data
        if tuple(self.block.arg_types) != self.function_type.inputs.data:
            raise VerifyException(f"arguments of the body of @{name} must be those of its type; correct the type")
        if self.batch is not None:
            number = self.batch.value.data
            if not 0 <= number < len(self.block.args) or self.block.args[number].type != ScalarType(IndexType()):
                raise VerifyException(
                    f"the batch of @{name} must be a !tile.scalar<index> argument, not number {number}"
                )
        for argument in self.block.args:
            if not isinstance(argument.type, VecType | ScalarType | StashType):
                raise VerifyException(f"arguments of @{name} must be vecs, scalars or stashes, not {argument.type}")
        if self.batch_argument is None and any(isinstance(type, StashType) for type in self.block.arg_types):
            raise VerifyException(
                f"@{name} must say which !tile.scalar<index> argument is the batch of its stashes; "
                "add it, or write 'batch %name'"
            )
        last = self.block.last_op
        if not isinstance(last, ReturnOp):
            raise VerifyException(f"@{name} must end in tile.return; add it")
        types = tuple(value.type for value in last.values)
        if types != self.output_types:
            raise VerifyException(
                f"@{name} must return ({', '.join(map(str, self.output_types))}), not ({', '.join(map(str, types))}); "
                "correct the return or the type"
            )
