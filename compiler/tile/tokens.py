"""Versions and tokens: opening and committing storage, joining tokens, reading and replacing state."""

from collections.abc import Sequence

from typing_extensions import override
from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.composite import leaves
from ohmflow.compiler.tile.effects import ConsumesVersions, ReadsVersions
from ohmflow.compiler.tile.printing import (
    parse_after,
    parse_extra,
    parse_operand,
    parse_operands,
    print_after,
    print_extra,
)
from ohmflow.compiler.tile.state_lines import parse_line, print_line, verify_held
from ohmflow.compiler.tile.symbols import module_of
from ohmflow.compiler.tile.tile_types import DoneType, VecType, VersionType


@irdl_op_definition
class OpenOp(IRDLOperation):
    """Take the version that an array, composite or state has when the entry starts.

    Values: that of the last commit. Time: none. An array is opened at most once in an entry, by itself or as part of
    a composite.

    ```
    %v = tile.open @W1
    ```
    """

    name = "tile.open"
    symbol = prop_def(SymbolRefAttr)
    version = result_def(VersionType)

    def __init__(self, symbol: str):
        """Open storage.

        Args:
            symbol: Array, composite or state.
        """
        super().__init__(result_types=[VersionType(symbol)], properties={"symbol": SymbolRefAttr(symbol)})

    @property
    def symbol_name(self) -> str:
        """Name of the array, composite or state."""
        return self.symbol.root_reference.data

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "OpenOp":
        op = cls(parser.parse_symbol_name().data)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.symbol_name)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        if self.version.type != VersionType(self.symbol_name):
            raise VerifyException(f"it must give {VersionType(self.symbol_name)}, not {self.version.type}; correct it")
        if module_of(self) is not None:
            leaves(self, self.symbol_name)


@irdl_op_definition
class CommitOp(IRDLOperation, ConsumesVersions):
    """End a chain of versions: this is what the next entry opens.

    Values: none. Time: none; an entry ends when everything in it has, so a commit waits for no token.

    ```
    tile.commit %v2
    ```
    """

    name = "tile.commit"
    version = operand_def(VersionType)

    def __init__(self, version: SSAValue):
        """Commit a version.

        Args:
            version: The last of its chain.
        """
        super().__init__(operands=[version])

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return (self.version,)

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return None

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "CommitOp":
        op = cls(parse_operand(parser))
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.version)
        print_extra(printer, self)


@irdl_op_definition
class JoinOp(IRDLOperation):
    """Wait for several tokens: the result is done when all operands are.

    Without operands it is done from the start. Values: none. Time: none.

    ```
    %both = tile.join %d1, %d2 : !tile.done<@W1>
    ```
    """

    name = "tile.join"
    dones = var_operand_def(DoneType)
    done = result_def(DoneType)

    def __init__(self, dones: Sequence[SSAValue], result: DoneType | str):
        """Join tokens.

        Args:
            dones: Done tokens.
            result: Type of the result, or the symbol that it speaks of.
        """
        type = DoneType(result) if isinstance(result, str) else result
        super().__init__(operands=[list(dones)], result_types=[type])

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "JoinOp":
        dones: list[SSAValue] = []
        if not parser.parse_optional_punctuation(":"):
            dones = parser.parse_comma_separated_list(parser.Delimiter.NONE, lambda: parse_operand(parser))
            parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_type()
        if not isinstance(type, DoneType):
            parser.raise_error(f"a join must give a done, not {type}", position)
        op = cls(dones, type)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" " if self.dones else "")
        printer.print_list(self.dones, printer.print_operand)
        printer.print_string(" : ")
        printer.print_attribute(self.done.type)
        print_extra(printer, self)


@irdl_op_definition
class StateGetOp(IRDLOperation, ReadsVersions):
    """Read named state, or one line of a state that is a matrix.

    Values: what the version holds, or its row or column `index`. Time: none by itself; what uses the value reads it
    from the memory of the state's vector unit, of a line only the line.

    ```
    %count, %done = tile.state_get @count (%v) : !tile.vec<i64>
    %line, %done = tile.state_get @H col %k (%v) : !tile.vec<64xf32>
    ```
    """

    name = "tile.state_get"
    state = prop_def(SymbolRefAttr)
    axis = opt_prop_def(StringAttr)
    version = operand_def(VersionType)
    index = opt_operand_def()
    value = result_def(VecType)
    done = result_def(DoneType)

    def __init__(
        self,
        state: str,
        version: SSAValue,
        result: VecType,
        axis: str | None = None,
        index: SSAValue | None = None,
    ):
        """Read state.

        Args:
            state: Its symbol.
            version: Version to read.
            result: Type of the value.
            axis: "row" or "col" for one line of a matrix, else None.
            index: Which line, `index` or `vec<i64>`, else None.
        """
        super().__init__(
            operands=[version, index],
            result_types=[result, DoneType(state)],
            properties={"state": SymbolRefAttr(state), "axis": None if axis is None else StringAttr(axis)},
        )

    @property
    def state_name(self) -> str:
        """Name of the state."""
        return self.state.root_reference.data

    @override
    def read_versions(self) -> Sequence[SSAValue]:
        return (self.version,)

    @override
    def read_done(self) -> SSAValue:
        return self.done

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "StateGetOp":
        state = parser.parse_symbol_name().data
        axis, index = parse_line(parser)
        with parser.in_parens():
            version = parse_operand(parser)
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_type()
        if not isinstance(type, VecType):
            parser.raise_error(f"state must be read as a vec, not {type}", position)
        op = cls(state, version, type, axis, index)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.state_name)
        print_line(printer, self.axis, self.index)
        printer.print_string(" ")
        printer.print_operands([self.version])
        printer.print_string(" : ")
        printer.print_attribute(self.value.type)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        if self.done.type != DoneType(self.state_name):
            raise VerifyException(f"the token must be {DoneType(self.state_name)}, not {self.done.type}; correct it")
        verify_held(self, self.state_name, self.value, self.version, self.axis, self.index)


@irdl_op_definition
class StateSetOp(IRDLOperation, ConsumesVersions):
    """Replace named state, or one line of a state that is a matrix.

    Values: the next version holds `value`, or holds it as its row or column `index` and is else what it was. Time: that
    of the store by which the value, or the line, came to the state's vector unit, as a result there or as a message.

    ```
    %v2 = tile.state_set @count (%next, %v) after (%done)
    %v2 = tile.state_set @H col %k (%line, %v) after (%done)
    ```
    """

    name = "tile.state_set"
    state = prop_def(SymbolRefAttr)
    axis = opt_prop_def(StringAttr)
    value = operand_def(VecType)
    version = operand_def(VersionType)
    after = var_operand_def(DoneType)
    index = opt_operand_def()
    out = result_def(VersionType)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        state: str,
        value: SSAValue,
        version: SSAValue,
        after: Sequence[SSAValue] = (),
        axis: str | None = None,
        index: SSAValue | None = None,
    ):
        """Replace state.

        Args:
            state: Its symbol.
            value: What it holds next.
            version: Version that is consumed.
            after: Done tokens of every read of it.
            axis: "row" or "col" for one line of a matrix, else None.
            index: Which line, `index` or `vec<i64>`, else None.
        """
        super().__init__(
            operands=[value, version, list(after), index],
            result_types=[VersionType(state)],
            properties={"state": SymbolRefAttr(state), "axis": None if axis is None else StringAttr(axis)},
        )

    @property
    def state_name(self) -> str:
        """Name of the state."""
        return self.state.root_reference.data

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return (self.version,)

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "StateSetOp":
        state = parser.parse_symbol_name().data
        axis, index = parse_line(parser)
        position = parser.pos
        operands = parse_operands(parser)
        if len(operands) != 2:
            parser.raise_error("state_set needs a value and a version, such as (%value, %v)", position)
        op = cls(state, operands[0], operands[1], parse_after(parser), axis, index)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.state_name)
        print_line(printer, self.axis, self.index)
        printer.print_string(" ")
        printer.print_operands([self.value, self.version])
        print_after(printer, self.after)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        if self.out.type != self.version.type:
            raise VerifyException(f"it must give {self.version.type}, not {self.out.type}; correct its result")
        verify_held(self, self.state_name, self.value, self.version, self.axis, self.index)
