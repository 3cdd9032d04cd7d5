"""Operations on single lines of an array, and programming: what update rules and start-up need beside reads."""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.dialects.builtin import IndexType, IntegerAttr, StringAttr, SymbolRefAttr, UnitAttr, i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.composite import matrix_shape
from ohmflow.compiler.tile.compute import is_factor, verify_line, verify_versions
from ohmflow.compiler.tile.effects import ConsumesVersions, ReadsVersions
from ohmflow.compiler.tile.printing import parse_after, parse_extra, parse_operands, print_after, print_extra
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.symbols import find, module_of
from ohmflow.compiler.tile.tile_types import DoneType, VecType, VersionType

AXES = ("row", "col")


def _verify_index(index: SSAValue, axis: str) -> None:
    if axis not in AXES:
        raise VerifyException(f"the axis must be row or col, not '{axis}'; name one of them")
    if index.type not in (IndexType(), VecType((), i64)):
        raise VerifyException(f"the line's index must be index or !tile.vec<i64>, not {index.type}; convert it")


def _site(number: int | None) -> IntegerAttr | None:
    return None if number is None else IntegerAttr(number, i64)


def _parse_site(parser: Parser) -> int | None:
    return parser.parse_integer(allow_boolean=False) if parser.parse_optional_keyword("site") else None


def _site_text(site: IntegerAttr | None) -> str:
    return "" if site is None else f"site {site.value.data} "


def _operands(parser: Parser, count: int, example: str) -> list[SSAValue]:
    position = parser.pos
    operands = parse_operands(parser)
    if len(operands) != count:
        parser.raise_error(f"{count} operands are needed, not {len(operands)}; write {example}", position)
    return operands


@irdl_op_definition
class ReadOp(IRDLOperation, ReadsVersions):
    """Read one line of an array through its converters.

    Values: row `index` is [cols] numbers, column `index` is [rows]. `site` tells the line reads of one array in one
    loop apart (tied weights), for their random draws. Time: one read of the blocks that hold the line, charged to the
    phase transfer.

    ```
    %line, %done = tile.read @A col (%index, %v) : !tile.vec<64xf32>
    ```
    """

    name = "tile.read"
    array = prop_def(SymbolRefAttr)
    axis = prop_def(StringAttr)
    site = opt_prop_def(IntegerAttr)
    index = operand_def()
    version = operand_def(VersionType)
    line = result_def(VecType)
    done = result_def(DoneType)

    def __init__(
        self, array: str, axis: str, index: SSAValue, version: SSAValue, result: VecType, site: int | None = None
    ):
        """Read a line.

        Args:
            array: Array or composite opened as a whole.
            axis: "row" or "col".
            index: Which line, `index` or `vec<i64>`.
            version: Version to read.
            result: Type of the line.
            site: Number of the use of the array that it belongs to, or None.
        """
        super().__init__(
            operands=[index, version],
            result_types=[result, DoneType(array)],
            properties={"array": SymbolRefAttr(array), "axis": StringAttr(axis), "site": _site(site)},
        )

    @property
    def array_name(self) -> str:
        """Name of the array."""
        return self.array.root_reference.data

    @override
    def read_versions(self) -> Sequence[SSAValue]:
        return (self.version,)

    @override
    def read_done(self) -> SSAValue:
        return self.done

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ReadOp":
        array = parser.parse_symbol_name().data
        axis = parser.parse_identifier()
        site = _parse_site(parser)
        index, version = _operands(parser, 2, "(%index, %v)")
        parser.parse_punctuation(":")
        position = parser.pos
        result = parser.parse_type()
        if not isinstance(result, VecType):
            parser.raise_error(f"a read must give a vec, not {result}", position)
        op = cls(array, axis, index, version, result, site)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.array_name)
        printer.print_string(f" {self.axis.data} {_site_text(self.site)}")
        printer.print_operands(self.operands)
        printer.print_string(" : ")
        printer.print_attribute(self.line.type)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        _verify_index(self.index, self.axis.data)
        if self.done.type != DoneType(self.array_name):
            raise VerifyException(f"the token must be {DoneType(self.array_name)}, not {self.done.type}; correct it")
        if module_of(self) is None:
            return
        rows, cols = matrix_shape(self, self.array_name)
        verify_line(f"a {self.axis.data} of @{self.array_name}", self.line, cols if self.axis.data == "row" else rows)
        verify_versions(self, self.array_name, [self.version])


@irdl_op_definition
class TransferOp(IRDLOperation, ReadsVersions, ConsumesVersions):
    """Read line `index` of one array and add `scale` times it to that line of another, by pulses.

    Values: C[index] becomes C[index] + scale·A[index] along the axis, with the pulses of C's device. A is left as it
    is. Time: a read on A's tiles, then a pulsed update of one line on C's, both charged to the phase transfer.

    ```
    %da, %vc2 = tile.transfer @A to @C col (%index, %scale, %va, %vc) after (%dc)
    ```
    """

    name = "tile.transfer"
    source = prop_def(SymbolRefAttr)
    target = prop_def(SymbolRefAttr)
    axis = prop_def(StringAttr)
    site = opt_prop_def(IntegerAttr)
    index = operand_def()
    scale = operand_def()
    source_version = operand_def(VersionType)
    target_version = operand_def(VersionType)
    after = var_operand_def(DoneType)
    done = result_def(DoneType)
    out = result_def(VersionType)

    def __init__(
        self,
        source: str,
        target: str,
        axis: str,
        index: SSAValue,
        scale: SSAValue,
        source_version: SSAValue,
        target_version: SSAValue,
        after: Sequence[SSAValue] = (),
        site: int | None = None,
    ):
        """Transfer a line.

        Args:
            source: Array that is read.
            target: Array that is pulsed.
            axis: "row" or "col".
            index: Which line, `index` or `vec<i64>`.
            scale: Factor, `scalar<f32>` or `vec<f32>`.
            source_version: Version of the source, read.
            target_version: Version of the target, consumed.
            after: Done tokens of every read of the target's version.
            site: Number of the use of the array that it belongs to, or None.
        """
        super().__init__(
            operands=[index, scale, source_version, target_version, list(after)],
            result_types=[DoneType(source), VersionType(target)],
            properties={
                "source": SymbolRefAttr(source),
                "target": SymbolRefAttr(target),
                "axis": StringAttr(axis),
                "site": _site(site),
            },
        )

    @property
    def source_name(self) -> str:
        """Name of the array that is read."""
        return self.source.root_reference.data

    @property
    def target_name(self) -> str:
        """Name of the array that is pulsed."""
        return self.target.root_reference.data

    @override
    def read_versions(self) -> Sequence[SSAValue]:
        return (self.source_version,)

    @override
    def read_done(self) -> SSAValue:
        return self.done

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return (self.target_version,)

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "TransferOp":
        source = parser.parse_symbol_name().data
        parser.parse_keyword("to")
        target = parser.parse_symbol_name().data
        axis = parser.parse_identifier()
        site = _parse_site(parser)
        index, scale, read, changed = _operands(parser, 4, "(%index, %scale, %va, %vc)")
        op = cls(source, target, axis, index, scale, read, changed, parse_after(parser), site)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.source_name)
        printer.print_string(" to ")
        printer.print_symbol_name(self.target_name)
        printer.print_string(f" {self.axis.data} {_site_text(self.site)}")
        printer.print_operands([self.index, self.scale, self.source_version, self.target_version])
        print_after(printer, self.after)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        _verify_index(self.index, self.axis.data)
        if not is_factor(self.scale.type):
            raise VerifyException(
                f"the scale must be !tile.scalar<f32> or !tile.vec<f32>, not {self.scale.type}; pass one number"
            )
        if self.source_name == self.target_name:
            raise VerifyException(f"a transfer must be between two arrays, not from @{self.source_name} to itself")
        if self.done.type != DoneType(self.source_name) or self.out.type != VersionType(self.target_name):
            raise VerifyException("a transfer must give a done of its source and a version of its target; correct it")
        if module_of(self) is None:
            return
        shape, other = matrix_shape(self, self.source_name), matrix_shape(self, self.target_name)
        if shape != other:
            raise VerifyException(
                f"@{self.source_name} and @{self.target_name} must have one shape, not "
                f"{shape[0]}x{shape[1]} and {other[0]}x{other[1]}; make them alike"
            )
        find(self, self.target_name, (ArrayOp,), "an array")
        verify_versions(self, self.source_name, [self.source_version])
        verify_versions(self, self.target_name, [self.target_version])


@irdl_op_definition
class ProgramOp(IRDLOperation, ConsumesVersions):
    """Write the stored weights of an array onto its devices.

    Values: the array then holds its `weights`, clipped to the devices' bounds; with `verify` each row is written and
    read back until the target's error is reached. Time: rounds of write and read, charged to the phase program.

    ```
    %v2 = tile.program @W1 verify (%v)
    ```
    """

    name = "tile.program"
    array = prop_def(SymbolRefAttr)
    write_verify = opt_prop_def(UnitAttr)
    version = operand_def(VersionType)
    after = var_operand_def(DoneType)
    out = result_def(VersionType)

    def __init__(self, array: str, version: SSAValue, verify: bool = False, after: Sequence[SSAValue] = ()):
        """Program an array.

        Args:
            array: The array.
            version: Version that is consumed.
            verify: Read back and correct.
            after: Done tokens of every read of the version.
        """
        super().__init__(
            operands=[version, list(after)],
            result_types=[VersionType(array)],
            properties={"array": SymbolRefAttr(array), "write_verify": UnitAttr() if verify else None},
        )

    @property
    def array_name(self) -> str:
        """Name of the array."""
        return self.array.root_reference.data

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return (self.version,)

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ProgramOp":
        array = parser.parse_symbol_name().data
        verify = parser.parse_optional_keyword("verify") is not None
        (version,) = _operands(parser, 1, "(%v)")
        op = cls(array, version, verify, parse_after(parser))
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.array_name)
        printer.print_string(" verify " if self.write_verify is not None else " ")
        printer.print_operands([self.version])
        print_after(printer, self.after)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        if self.out.type != self.version.type:
            raise VerifyException(f"programming must give {self.version.type}, not {self.out.type}; correct its result")
        if module_of(self) is None:
            return
        array = find(self, self.array_name, (ArrayOp,), "an array")
        if array is not None and array.weights is None:
            raise VerifyException(f"@{self.array_name} must have weights to be programmed, not none; give it their key")
        verify_versions(self, self.array_name, [self.version])
