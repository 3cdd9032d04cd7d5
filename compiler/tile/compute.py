"""Reads of whole arrays and pulsed updates.

Reads leave a version as it is and give a done token; what changes an array consumes its version and gives the next.
Reading or updating a composite takes the versions of the arrays that it consists of, in the order of its parts, or
one version of the composite.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

from typing_extensions import override
from xdsl.dialects.builtin import IntegerAttr, StringAttr, SymbolRefAttr, f32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.composite import leaves, matrix_shape
from ohmflow.compiler.tile.effects import ConsumesVersions, ReadsVersions
from ohmflow.compiler.tile.printing import (
    parse_after,
    parse_extra,
    parse_operands,
    print_after,
    print_extra,
)
from ohmflow.compiler.tile.symbols import module_of
from ohmflow.compiler.tile.tile_types import DoneType, ScalarType, VecType, VersionType

PHASES = ("forward", "backward", "update", "transfer", "program", "evaluation")


def is_factor(type: Attribute) -> bool:
    """Say whether a value of this type can scale an update: one f32 number, of the run or of the row.

    Args:
        type: Any type.

    Returns:
        True for `scalar<f32>` and `vec<f32>`.
    """
    return type in (ScalarType(f32), VecType((), f32))


def verify_versions(op: Operation, name: str, versions: Sequence[SSAValue]) -> None:
    """Check that the version operands are those of an array, composite or state.

    Args:
        op: The operation.
        name: What it works on.
        versions: Its version operands.

    Raises:
        VerifyException: They belong to something else.
    """
    if module_of(op) is None:
        return
    given = [version.type.symbol_name for version in versions if isinstance(version.type, VersionType)]
    wanted = leaves(op, name)
    if tuple(leaf for symbol in given for leaf in leaves(op, symbol)) != wanted:
        told = ", ".join(f"@{symbol}" for symbol in given) or "none"
        needed = ", ".join(f"@{symbol}" for symbol in wanted)
        raise VerifyException(f"versions for @{name} must be of {needed}, not {told}; pass those")


def verify_line(what: str, value: SSAValue, size: int) -> None:
    """Check that a value is one f32 vector of a given length.

    Args:
        what: Its role, for the message.
        value: The operand or result.
        size: Elements wanted.

    Raises:
        VerifyException: Its type is another.
    """
    if value.type != VecType((size,), f32):
        raise VerifyException(f"{what} must be {VecType((size,), f32)}, not {value.type}; reshape it in a segment")


def _verify_site(site: IntegerAttr) -> None:
    if site.value.data < 0:
        raise VerifyException(f"a site must be at least 0, not {site.value.data}; number sites from 0")


class _ReadOp(IRDLOperation, ReadsVersions):
    """What mvm and mvm_t share; `FORWARD` tells them apart."""

    FORWARD: ClassVar[bool] = True

    array = prop_def(SymbolRefAttr)
    site = prop_def(IntegerAttr)
    phase = prop_def(StringAttr)
    x = operand_def(VecType)
    versions = var_operand_def(VersionType)
    y = result_def(VecType)
    done = result_def(DoneType)

    def __init__(
        self,
        array: str,
        site: int,
        x: SSAValue,
        version: SSAValue | Sequence[SSAValue],
        phase: str,
        result: VecType,
    ):
        """Read an array.

        Args:
            array: Array or composite.
            site: Number of this use of the array; the update that belongs to it has the same.
            x: The vector, [rows] (`tile.mvm`) or [cols] (`tile.mvm_t`).
            version: Version to read, or one for each array of a composite.
            phase: What time and energy are charged to, such as "forward".
            result: Type of the result, [cols] (`tile.mvm`) or [rows] (`tile.mvm_t`).
        """
        versions = [version] if isinstance(version, SSAValue) else list(version)
        super().__init__(
            operands=[x, versions],
            result_types=[result, DoneType(array)],
            properties={
                "array": SymbolRefAttr(array),
                "site": IntegerAttr(site, i64),
                "phase": StringAttr(phase),
            },
        )

    @property
    def array_name(self) -> str:
        """Name of the array or composite."""
        return self.array.root_reference.data

    @property
    def site_number(self) -> int:
        """Number of this use of the array."""
        return self.site.value.data

    @override
    def read_versions(self) -> Sequence[SSAValue]:
        return self.versions

    @override
    def read_done(self) -> SSAValue:
        return self.done

    @classmethod
    @override
    def parse(cls, parser: Parser) -> Self:
        array = parser.parse_symbol_name().data
        parser.parse_keyword("site")
        site = parser.parse_integer(allow_boolean=False)
        phase = parser.parse_identifier()
        position = parser.pos
        operands = parse_operands(parser)
        if len(operands) < 2:
            parser.raise_error("a read needs a vector and a version, such as (%x, %v)", position)
        parser.parse_punctuation(":")
        position = parser.pos
        result = parser.parse_type()
        if not isinstance(result, VecType):
            parser.raise_error(f"a read must give a vec, not {result}", position)
        op = cls(array, site, operands[0], operands[1:], phase, result)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.array_name)
        printer.print_string(f" site {self.site_number} {self.phase.data} ")
        printer.print_operands(self.operands)
        printer.print_string(" : ")
        printer.print_attribute(self.y.type)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        _verify_site(self.site)
        if self.phase.data not in PHASES:
            raise VerifyException(
                f"phase must be one of {', '.join(PHASES)}, not '{self.phase.data}'; name one of them"
            )
        if self.done.type != DoneType(self.array_name):
            raise VerifyException(f"the token must be {DoneType(self.array_name)}, not {self.done.type}; correct it")
        if module_of(self) is None:
            return
        rows, cols = matrix_shape(self, self.array_name)
        verify_line(f"the input of @{self.array_name}", self.x, rows if self.FORWARD else cols)
        verify_line(f"the result of @{self.array_name}", self.y, cols if self.FORWARD else rows)
        verify_versions(self, self.array_name, self.versions)


@irdl_op_definition
class MvmOp(_ReadOp):
    """Forward read y = xᵀ·W of one vector.

    Values: x [rows] to y [cols], through the converters of every block; partial results are added and scaled.
    `site` numbers the uses of one array (tied weights, time steps) and keys its random draws.
    Time: all blocks read at once on their tiles; y may be used when the last has been added. `done` tells that the
    array may be changed; it comes with the last block's release.

    ```
    %y, %done = tile.mvm @W1 site 0 forward (%x, %v) : !tile.vec<256xf32>
    ```
    """

    name = "tile.mvm"


@irdl_op_definition
class MvmTOp(_ReadOp):
    """Transposed read x̄ = W·d of one vector, the gradient of `tile.mvm` for its input.

    Values: d [cols] to x̄ [rows]. Time: like a forward read, on the rows' converters.

    ```
    %dx, %done = tile.mvm_t @W1 site 0 backward (%d, %v) : !tile.vec<784xf32>
    ```
    """

    name = "tile.mvm_t"
    FORWARD: ClassVar[bool] = False


@irdl_op_definition
class UpdateOp(IRDLOperation, ConsumesVersions):
    """Outer-product update in place: W becomes W − lr·x·dᵀ, by pulses.

    Values: x [rows], d [cols], lr in logical weight units; `scheme` names how pulses are chosen. A dense gradient is
    never formed. Updates apply in the order of their versions: (sample, position, site).
    Time: the tiles of the array are busy for the train that management chose. It starts when every read of the
    version has finished, which is what `after` lists. With the attribute `phase = "transfer"` it is charged to that
    phase, and has random draws of its own: so a rule writes what it reads elsewhere.

    ```
    %v2 = tile.update @W1 site 0 scheme "stochastic-compressed" (%x, %d, %lr, %v) after (%done)
    ```
    """

    name = "tile.update"
    array = prop_def(SymbolRefAttr)
    site = prop_def(IntegerAttr)
    scheme = opt_prop_def(StringAttr)
    x = operand_def(VecType)
    d = operand_def(VecType)
    lr = operand_def()
    versions = var_operand_def(VersionType)
    after = var_operand_def(DoneType)
    outs = var_result_def(VersionType)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        array: str,
        site: int,
        x: SSAValue,
        d: SSAValue,
        lr: SSAValue,
        version: SSAValue | Sequence[SSAValue],
        after: Sequence[SSAValue] = (),
        scheme: str | None = None,
        phase: str | None = None,
    ):
        """Update an array.

        Args:
            array: Array or composite.
            site: Number of the read that this update belongs to.
            x: [rows] input of that read.
            d: [cols] gradient of its output.
            lr: Learning rate, `scalar<f32>` or `vec<f32>`.
            version: Version that is consumed, or one for each array of a composite.
            after: Done tokens of every read of it.
            scheme: How pulses are chosen; None leaves it to the target.
            phase: "transfer" for the attribute `phase`, or None.
        """
        versions = [version] if isinstance(version, SSAValue) else list(version)
        super().__init__(
            operands=[x, d, lr, versions, list(after)],
            result_types=[[value.type for value in versions]],
            properties={
                "array": SymbolRefAttr(array),
                "site": IntegerAttr(site, i64),
                "scheme": None if scheme is None else StringAttr(scheme),
            },
            attributes={} if phase is None else {"phase": StringAttr(phase)},
        )

    @property
    def array_name(self) -> str:
        """Name of the array or composite."""
        return self.array.root_reference.data

    @property
    def site_number(self) -> int:
        """Number of the read that this update belongs to."""
        return self.site.value.data

    @property
    def phase_name(self) -> str:
        """What its time and energy are charged to: update, or transfer if its attribute `phase` says so."""
        given = self.attributes.get("phase")
        return given.data if isinstance(given, StringAttr) else "update"

    @override
    def consumed_versions(self) -> Sequence[SSAValue]:
        return self.versions

    @override
    def waits_for(self) -> Sequence[SSAValue] | None:
        return self.after

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "UpdateOp":
        array = parser.parse_symbol_name().data
        parser.parse_keyword("site")
        site = parser.parse_integer(allow_boolean=False)
        scheme = parser.parse_str_literal() if parser.parse_optional_keyword("scheme") else None
        position = parser.pos
        operands = parse_operands(parser)
        if len(operands) < 4:
            parser.raise_error("an update needs two vectors, a rate and a version, such as (%x, %d, %lr, %v)", position)
        x, d, lr, *versions = operands
        op = cls(array, site, x, d, lr, versions, parse_after(parser), scheme)
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.array_name)
        printer.print_string(f" site {self.site_number} ")
        if self.scheme is not None:
            printer.print_string("scheme ")
            printer.print_string_literal(self.scheme.data)
            printer.print_string(" ")
        printer.print_operands([self.x, self.d, self.lr, *self.versions])
        print_after(printer, self.after)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        _verify_site(self.site)
        if self.phase_name not in ("update", "transfer"):
            raise VerifyException(f"phase must be update or transfer, not '{self.phase_name}'; name one of them")
        if not is_factor(self.lr.type):
            raise VerifyException(f"the rate must be !tile.scalar<f32> or !tile.vec<f32>, not {self.lr.type}; pass lr")
        if [out.type for out in self.outs] != [version.type for version in self.versions]:
            raise VerifyException("an update must give one new version for every version it takes; correct its results")
        if module_of(self) is None:
            return
        rows, cols = matrix_shape(self, self.array_name)
        verify_line(f"x of the update of @{self.array_name}", self.x, rows)
        verify_line(f"d of the update of @{self.array_name}", self.d, cols)
        verify_versions(self, self.array_name, self.versions)
