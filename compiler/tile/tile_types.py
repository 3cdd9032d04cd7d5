"""The types of tile IR: values that flow, and tokens that order them.

Values: `vec` (one row of numbers per sample), `scalar` (one number per run), `stash` (what a loop collected).
Tokens: `version` (the state of an array between two changes) and `done` (a read of a version has finished). Tokens
carry no bits at run time; they say which operation must wait for which.
"""

from collections.abc import Sequence
from math import prod

from typing_extensions import override
from xdsl.dialects.builtin import ArrayAttr, IndexType, IntAttr, SymbolRefAttr, f32, i1, i64
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

VEC_ELEMENTS: tuple[Attribute, ...] = (f32, i64, i1)
SCALAR_ELEMENTS: tuple[Attribute, ...] = (f32, IndexType())


@irdl_attr_definition
class VecType(ParametrizedAttribute, TypeAttribute):
    """`!tile.vec<64xf32>`: the numbers of one row (one sample, or one position of it).

    Rank 0 (`!tile.vec<i64>`) is one number per row. Element types are f32, i64 and i1.
    """

    name = "tile.vec"
    shape: ArrayAttr[IntAttr]
    element_type: Attribute

    def __init__(self, shape: Sequence[int] = (), element_type: Attribute = f32):
        """Make a vector type.

        Args:
            shape: Dimensions, each at least 1; empty for one number.
            element_type: f32, i64 or i1.
        """
        super().__init__(ArrayAttr([IntAttr(size) for size in shape]), element_type)

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions as integers."""
        return tuple(size.data for size in self.shape.data)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return prod(self.dims)

    @classmethod
    @override
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            dims, element_type = parser.parse_ranked_shape()
        return [ArrayAttr([IntAttr(size) for size in dims]), element_type]

    @override
    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            for size in self.dims:
                printer.print_string(f"{size}x")
            printer.print_attribute(self.element_type)

    @override
    def verify(self) -> None:
        if self.element_type not in VEC_ELEMENTS:
            raise VerifyException(f"elements of a vec must be f32, i64 or i1, not {self.element_type}; use one of them")
        if any(size < 1 for size in self.dims):
            raise VerifyException(f"dimensions of a vec must be at least 1, not {list(self.dims)}")


@irdl_attr_definition
class ScalarType(ParametrizedAttribute, TypeAttribute):
    """`!tile.scalar<f32>` or `!tile.scalar<index>`: one number of the run, such as the learning rate or the batch."""

    name = "tile.scalar"
    element_type: Attribute

    @override
    def verify(self) -> None:
        if self.element_type not in SCALAR_ELEMENTS:
            raise VerifyException(f"a scalar must be f32 or index, not {self.element_type}; use one of them")


@irdl_attr_definition
class StashType(ParametrizedAttribute, TypeAttribute):
    """`!tile.stash<T>`: one T for every iteration of the loop that collected it; T is a vec or a stash.

    An entry argument of this type holds one T per sample of the batch.
    """

    name = "tile.stash"
    element_type: Attribute

    @property
    def depth(self) -> int:
        """How many loops deep it was collected (at least 1)."""
        inner = self.element_type
        return 1 + inner.depth if isinstance(inner, StashType) else 1

    @override
    def verify(self) -> None:
        if not isinstance(self.element_type, VecType | StashType):
            raise VerifyException(f"a stash must hold vecs or stashes, not {self.element_type}")


class _SymbolType(ParametrizedAttribute, TypeAttribute):
    """What version and done share: the array or state that they speak of."""

    symbol: SymbolRefAttr

    def __init__(self, symbol: str | SymbolRefAttr):
        """Make the type.

        Args:
            symbol: Name of the array, composite or state.
        """
        super().__init__(SymbolRefAttr(symbol) if isinstance(symbol, str) else symbol)

    @property
    def symbol_name(self) -> str:
        """Name of the array, composite or state."""
        return self.symbol.root_reference.data


@irdl_attr_definition
class VersionType(_SymbolType):
    """`!tile.version<@W>`: the state of W between two changes.

    Linear: one operation changes it or hands it on (update, transfer, program, state_set, the carry of a loop, yield,
    commit). Reads look at it and leave it.
    """

    name = "tile.version"


@irdl_attr_definition
class DoneType(_SymbolType):
    """`!tile.done<@W>`: a read of W has finished, so that W may change."""

    name = "tile.done"


def collected_type(element: Attribute) -> Attribute | None:
    """Say what a loop makes of a value that each iteration yields.

    Args:
        element: Type of the yielded value.

    Returns:
        A stash of it for a vec or a stash, the same type for a done (all iterations' reads have finished), None for
        what can not be collected.
    """
    match element:
        case VecType() | StashType():
            return StashType(element)
        case DoneType():
            return element
        case _:
            return None
