"""Entries (what can be run), digital segments (what runs outside the IR, by name) and calls of them."""

from collections.abc import Mapping, Sequence

from typing_extensions import override
from xdsl.dialects.builtin import (
    ArrayAttr,
    FunctionType,
    IndexType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
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
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsolatedFromAbove, IsTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.attributes import WORK_CLASSES, WorkAttr
from ohmflow.compiler.tile.printing import parse_extra, parse_operand, parse_operands, print_extra
from ohmflow.compiler.tile.symbols import find
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType

SEGMENT_KINDS = ("row", "batch")


@irdl_op_definition
class SegmentOp(IRDLOperation):
    """A digital segment: standard ONNX operators that are executed by name; the ONNX is kept beside the IR.

    Values: a `row` segment takes and gives vecs, for one row at a time; a `batch` segment may take and give stashes,
    all rows at once (bias gradients, batch statistics), and so waits for all of them. `runs` names the ONNX function
    when it is not the symbol. Time: `work` says how many elements of each class it processes, per row and (after +)
    per call.

    ```
    tile.segment @relu row (!tile.vec<256xf32>) -> !tile.vec<256xf32> work [simple 256]
    tile.segment @bias batch (!tile.stash<!tile.vec<256xf32>>) -> !tile.vec<256xf32> work [simple 256 + 512]
    ```
    """

    name = "tile.segment"
    sym_name = prop_def(SymbolNameConstraint())
    kind = prop_def(StringAttr)
    function_type = prop_def(FunctionType)
    work = prop_def(ArrayAttr[WorkAttr])
    runs = opt_prop_def(StringAttr)
    traits = traits_def(SymbolOpInterface(), HasParent(ModuleOp))

    def __init__(
        self,
        name: str,
        kind: str,
        inputs: Sequence[Attribute],
        outputs: Sequence[Attribute],
        work: Sequence[WorkAttr | tuple[str, int] | tuple[str, int, int]] = (),
        runs: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ):
        """Declare a segment.

        Args:
            name: Symbol.
            kind: "row" or "batch".
            inputs: Types of operands.
            outputs: Types of results.
            work: Elements by class: (class, per row) or (class, per row, per call).
            runs: Name of the ONNX function, if it is not `name`.
            attributes: Discardable attributes.
        """
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "kind": StringAttr(kind),
                "function_type": FunctionType.from_lists(inputs, outputs),
                "work": ArrayAttr([entry if isinstance(entry, WorkAttr) else WorkAttr(*entry) for entry in work]),
                "runs": None if runs is None else StringAttr(runs),
            },
            attributes=dict(attributes or {}),
        )

    @property
    def function_name(self) -> str:
        """Name of the ONNX function that it runs."""
        return self.sym_name.data if self.runs is None else self.runs.data

    @property
    def input_types(self) -> tuple[Attribute, ...]:
        """Types of operands."""
        return self.function_type.inputs.data

    @property
    def output_types(self) -> tuple[Attribute, ...]:
        """Types of results."""
        return self.function_type.outputs.data

    @property
    def work_items(self) -> list[tuple[str, int, int]]:
        """Work as (class, elements per row, elements per call)."""
        return [(work.kind.data, work.per_row.data, work.constant.data) for work in self.work.data]

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "SegmentOp":
        name = parser.parse_symbol_name().data
        kind = parser.parse_identifier()
        type = parser.parse_function_type()

        def item() -> WorkAttr:
            position = parser.pos
            work_class = parser.parse_identifier()
            if work_class not in WORK_CLASSES:
                known = ", ".join(WORK_CLASSES)
                parser.raise_error(f"a class of work must be one of {known}, not '{work_class}'", position)
            per_row = parser.parse_integer(allow_boolean=False, allow_negative=False)
            constant = 0
            if parser.parse_optional_punctuation("+"):
                constant = parser.parse_integer(allow_boolean=False, allow_negative=False)
            return WorkAttr(work_class, per_row, constant)

        work: list[WorkAttr] = []
        if parser.parse_optional_keyword("work"):
            work = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, item)
        runs = parser.parse_str_literal() if parser.parse_optional_keyword("runs") else None
        return cls(name, kind, type.inputs.data, type.outputs.data, work, runs, parse_extra(parser))

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.kind.data} ")
        printer.print_attribute(self.function_type)
        if self.work.data:
            told = (f"{kind} {row}" + (f" + {constant}" if constant else "") for kind, row, constant in self.work_items)
            printer.print_string(f" work [{', '.join(told)}]")
        if self.runs is not None:
            printer.print_string(" runs ")
            printer.print_string_literal(self.runs.data)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        kind = self.kind.data
        if kind not in SEGMENT_KINDS:
            raise VerifyException(f"a segment must be {' or '.join(SEGMENT_KINDS)}, not '{kind}'; name its kind")
        for type in self.input_types:
            allowed = (VecType, ScalarType) if kind == "row" else (VecType, ScalarType, StashType)
            if not isinstance(type, allowed):
                raise VerifyException(f"an operand of a {kind} segment must not be {type}; {_advice(kind, type)}")
        for type in self.output_types:
            if not isinstance(type, VecType if kind == "row" else VecType | StashType):
                raise VerifyException(f"a result of a {kind} segment must not be {type}; {_advice(kind, type)}")
        classes = [work.kind.data for work in self.work.data]
        if len(set(classes)) != len(classes):
            raise VerifyException(f"work must name each class once, not {', '.join(classes)}; add them up")
        if kind == "row" and any(work.constant.data for work in self.work.data):
            raise VerifyException("work of a row segment must be per row, without a part per call; add it to each row")


def _advice(kind: str, type: Attribute) -> str:
    if kind == "row" and isinstance(type, StashType):
        return "declare it as a batch segment, or pass one row"
    return "pass vecs"


@irdl_op_definition
class CallOp(IRDLOperation):
    """Run a digital segment.

    Values: what its ONNX function gives. Time: its work on a vector unit, for one row (row segments) or all rows.

    ```
    %h = tile.call @relu (%y) : !tile.vec<256xf32>
    ```
    """

    name = "tile.call"
    segment = prop_def(SymbolRefAttr)
    arguments = var_operand_def()
    outs = var_result_def()

    def __init__(self, segment: str, arguments: Sequence[SSAValue], results: Sequence[Attribute]):
        """Call a segment.

        Args:
            segment: Its symbol.
            arguments: Operands.
            results: Types of the results.
        """
        super().__init__(
            operands=[list(arguments)], result_types=[list(results)], properties={"segment": SymbolRefAttr(segment)}
        )

    @property
    def segment_name(self) -> str:
        """Name of the segment."""
        return self.segment.root_reference.data

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "CallOp":
        segment = parser.parse_symbol_name().data
        arguments = parse_operands(parser)
        results: list[Attribute] = []
        if parser.parse_optional_punctuation(":"):
            results = list(parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type))
        op = cls(segment, arguments, results)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.segment_name)
        printer.print_string(" ")
        printer.print_operands(self.arguments)
        if self.outs:
            printer.print_string(" : ")
            printer.print_list([out.type for out in self.outs], printer.print_attribute)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        segment = find(self, self.segment_name, (SegmentOp,), "a segment")
        if segment is None:
            return
        for what, given, wanted in (
            ("operands", self.arguments, segment.input_types),
            ("results", self.outs, segment.output_types),
        ):
            types = tuple(value.type for value in given)
            if types != wanted:
                raise VerifyException(
                    f"{what} of @{self.segment_name} must be ({', '.join(map(str, wanted))}), not "
                    f"({', '.join(map(str, types))}); pass those"
                )


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
                f"@{name} must say which !tile.scalar<index> argument is the batch of its stashes; write 'batch %name'"
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
