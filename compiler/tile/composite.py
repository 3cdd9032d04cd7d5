"""Composites: matrices made of several arrays (a fast and a slow one, differential pairs, several tiles a weight)."""

from collections.abc import Mapping, Sequence

from typing_extensions import override
from xdsl.dialects.builtin import (
    ArrayAttr,
    FloatAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    f64,
)
from xdsl.ir import Attribute, Operation
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.printing import float_text, parse_extra, print_extra
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.symbols import find, module_of

COMPOSITE_KINDS = ("sum", "pair", "tiles")


@irdl_op_definition
class CompositeOp(IRDLOperation):
    """A matrix made of several arrays of one shape: W = Σ gain · part.

    Values: a read is the sum of its parts' reads times their gains. An update of a composite pulses every part with
    the same vectors: `sum` and `tiles` (several tiles a weight) each part alike, `pair` one-sided: the part with
    positive gain where W should rise, the other where it should fall. To update one part, name that part.
    Time: parts are read at the same time, on their own tiles.

    ```
    tile.composite @W sum (0.1 * @A, 1.0 * @C)
    ```
    """

    name = "tile.composite"
    sym_name = prop_def(SymbolNameConstraint())
    kind = prop_def(StringAttr)
    parts = prop_def(ArrayAttr[SymbolRefAttr])
    gains = prop_def(ArrayAttr[FloatAttr])
    traits = traits_def(SymbolOpInterface(), HasParent(ModuleOp))

    def __init__(
        self,
        name: str,
        kind: str,
        parts: Sequence[str],
        gains: Sequence[float],
        attributes: Mapping[str, Attribute] | None = None,
    ):
        """Declare a composite.

        Args:
            name: Symbol.
            kind: "sum", "pair" or "tiles".
            parts: Symbols of arrays (or composites).
            gains: Factor of each part, dimensionless.
            attributes: Discardable attributes.
        """
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "kind": StringAttr(kind),
                "parts": ArrayAttr([SymbolRefAttr(part) for part in parts]),
                "gains": ArrayAttr([FloatAttr(gain, f64) for gain in gains]),
            },
            attributes=dict(attributes or {}),
        )

    @property
    def part_names(self) -> tuple[str, ...]:
        """Symbols of the parts."""
        return tuple(part.root_reference.data for part in self.parts.data)

    @property
    def gain_values(self) -> tuple[float, ...]:
        """Factor of each part."""
        return tuple(float(gain.value.data) for gain in self.gains.data)

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "CompositeOp":
        name = parser.parse_symbol_name().data
        kind = parser.parse_identifier()

        def part() -> tuple[float, str]:
            gain = float(parser.parse_number())
            parser.parse_punctuation("*")
            return gain, parser.parse_symbol_name().data

        terms = parser.parse_comma_separated_list(parser.Delimiter.PAREN, part)
        gains, parts = [gain for gain, _ in terms], [symbol for _, symbol in terms]
        return cls(name, kind, parts, gains, parse_extra(parser))

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.kind.data} ")

        def term(gain_and_part: tuple[float, str]) -> None:
            printer.print_string(f"{float_text(gain_and_part[0])} * ")
            printer.print_symbol_name(gain_and_part[1])

        with printer.in_parens():
            printer.print_list(zip(self.gain_values, self.part_names, strict=False), term)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        kind, name = self.kind.data, self.sym_name.data
        if kind not in COMPOSITE_KINDS:
            raise VerifyException(
                f"a composite must be one of {', '.join(COMPOSITE_KINDS)}, not '{kind}'; name its kind"
            )
        if len(self.parts) != len(self.gains):
            raise VerifyException(
                f"gains of @{name} must be one a part, not {len(self.gains)} for {len(self.parts)} parts; list them all"
            )
        if (kind == "pair" and len(self.parts) != 2) or not len(self.parts):
            raise VerifyException(
                f"@{name} must have {'two parts' if kind == 'pair' else 'parts'}, not {len(self.parts)}; list them"
            )
        if any(gain == 0 or abs(gain) == float("inf") or gain != gain for gain in self.gain_values):
            raise VerifyException(
                f"gains of @{name} must be finite and not 0, not {list(self.gain_values)}; correct them"
            )
        if kind == "pair" and self.gain_values[0] * self.gain_values[1] > 0:
            raise VerifyException(
                f"gains of the pair @{name} must have opposite signs, not {list(self.gain_values)}; correct them"
            )
        module = module_of(self)
        if module is None:
            return
        shapes = {part: matrix_shape(self, part) for part in self.part_names}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"@{part} {shape[0]}x{shape[1]}" for part, shape in shapes.items())
            raise VerifyException(f"parts of @{name} must have one shape, not {told}; make them alike")
        seen: set[str] = set()
        for other in module.body.block.ops:
            if isinstance(other, CompositeOp):
                for part in other.part_names:
                    if part in seen and other is self:
                        raise VerifyException(
                            f"a part must be in one composite, once, but @{part} is in another or again; "
                            "use another array"
                        )
                    seen.add(part)
            if other is self:
                break


def leaves(op: Operation, name: str) -> tuple[str, ...]:
    """List the arrays or the state that a symbol stands for.

    Args:
        op: An operation of the module.
        name: An array, composite or state.

    Returns:
        The symbol itself, or the arrays of a composite in the order of its parts.

    Raises:
        VerifyException: A name is unknown, or a composite contains itself.
    """
    return _leaves(op, name, ())


def _leaves(op: Operation, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    if name in above:
        raise VerifyException(f"a composite must not contain itself, as @{name} does; remove it from its parts")
    found = find(op, name, (ArrayOp, CompositeOp, StateOp), "an array, a composite or a state")
    if not isinstance(found, CompositeOp):
        return (name,)
    return tuple(leaf for part in found.part_names for leaf in _leaves(op, part, (*above, name)))


def matrix_shape(op: Operation, name: str) -> tuple[int, int]:
    """Find the shape of an array or composite.

    Args:
        op: An operation of the module.
        name: An array or composite.

    Returns:
        (rows, cols).

    Raises:
        VerifyException: The name is unknown or no matrix.
    """
    first = leaves(op, name)[0]
    found = find(op, first, (ArrayOp,), "an array or a composite")
    assert found is not None, "called for an operation outside a module"
    return found.shape
