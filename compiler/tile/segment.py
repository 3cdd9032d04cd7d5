"""Digital segments (what runs outside the IR, by name) and calls of them."""

from collections.abc import Mapping, Sequence

from typing_extensions import override
from xdsl.dialects.builtin import (
    ArrayAttr,
    FunctionType,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.attributes import WORK_CLASSES, WorkAttr
from ohmflow.compiler.tile.printing import parse_extra, parse_operands, print_extra
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
