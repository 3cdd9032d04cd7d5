"""Named digital state that outlives a step."""

from collections.abc import Mapping

from typing_extensions import override
from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    f32,
    f64,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.attributes import WeightsAttr, parse_weights
from ohmflow.compiler.tile.printing import float_text, parse_extra, print_extra
from ohmflow.compiler.tile.tile_types import VecType

STATE_KINDS = ("parameter", "counter", "hidden", "statistic", "chopper")


@irdl_op_definition
class StateOp(IRDLOperation):
    """Named digital state that outlives a step: a parameter, counter, hidden matrix, statistic or chopper.

    Values: one vec, read by `tile.state_get` and replaced by `tile.state_set`. It starts as stored values, as one
    number everywhere, or as zeros. It is checkpointed; parameters and statistics are exported.
    Time: it lives in the memory of a vector unit.

    ```
    tile.state @b1 parameter : !tile.vec<256xf32> weights("fc1.bias", "float32", "60303a")
    tile.state @count counter : !tile.vec<i64> init 0
    ```
    """

    name = "tile.state"
    sym_name = prop_def(SymbolNameConstraint())
    kind = prop_def(StringAttr)
    type = prop_def(VecType)
    weights = opt_prop_def(WeightsAttr)
    init = opt_prop_def(base(FloatAttr) | base(IntegerAttr))
    traits = traits_def(SymbolOpInterface(), HasParent(ModuleOp))

    def __init__(
        self,
        name: str,
        kind: str,
        type: VecType,
        weights: WeightsAttr | None = None,
        init: float | int | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ):
        """Declare state.

        Args:
            name: Symbol.
            kind: "parameter", "counter", "hidden", "statistic" or "chopper".
            type: What it holds.
            weights: Where its initial values are.
            init: Or the one number that it starts with.
            attributes: Discardable attributes.
        """
        initial: Attribute | None = None
        if init is not None:
            initial = FloatAttr(float(init), f64) if type.element_type == f32 else IntegerAttr(int(init), i64)
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "kind": StringAttr(kind),
                "type": type,
                "weights": weights,
                "init": initial,
            },
            attributes=dict(attributes or {}),
        )

    @property
    def initial_number(self) -> float | int | None:
        """The one number that it starts with, if told."""
        return None if self.init is None else self.init.value.data

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "StateOp":
        name = parser.parse_symbol_name().data
        kind = parser.parse_identifier()
        parser.parse_punctuation(":")
        position = parser.pos
        held = parser.parse_type()
        if not isinstance(held, VecType):
            parser.raise_error(f"state must hold a vec, not {held}", position)
        weights = parse_weights(parser)
        init = _parse_init(parser, held) if parser.parse_optional_keyword("init") else None
        return cls(name, kind, held, weights, init, parse_extra(parser))

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.kind.data} : ")
        printer.print_attribute(self.type)
        if self.weights is not None:
            printer.print_string(" ")
            self.weights.print_inside(printer)
        match self.initial_number:
            case float() as number:
                printer.print_string(f" init {float_text(number)}")
            case int() as number:
                printer.print_string(f" init {number}")
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        name = self.sym_name.data
        if self.kind.data not in STATE_KINDS:
            raise VerifyException(
                f"@{name} must be one of {', '.join(STATE_KINDS)}, not '{self.kind.data}'; name its kind"
            )
        if self.weights is not None and self.init is not None:
            raise VerifyException(f"@{name} must start with stored weights or one number, not both; drop one")
        if self.init is not None and isinstance(self.init, FloatAttr) != (self.type.element_type == f32):
            raise VerifyException(f"init of @{name} must fit {self.type}, not be {self.init}; correct it")


def _parse_init(parser: Parser, held: VecType) -> float | int:
    position = parser.pos
    number = parser.parse_number(allow_boolean=True)
    if isinstance(number, float) and held.element_type != f32:
        parser.raise_error(f"init must fit {held}, not be {number}; write a whole number", position)
    return number
