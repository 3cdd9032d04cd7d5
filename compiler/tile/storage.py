"""Arrays: weight matrices on crossbar tiles. Values stay outside the IR, by key, dtype and hash."""

from collections.abc import Mapping

import numpy as np
from typing_extensions import override
from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    f64,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.attributes import BlockTable, WeightsAttr, parse_weights
from ohmflow.compiler.tile.printing import float_text, parse_extra, print_extra


@irdl_op_definition
class ArrayOp(IRDLOperation):
    """A weight matrix on crossbar tiles, [rows, cols], with its update rule.

    Values: rows are the inputs of a forward read, cols its outputs. `alpha` is the factor from device weights to
    logical weights, known once weights have been scaled. `weights` names the initial values.
    Time: `blocks` says which rectangle lives on which tile; every block is read and pulsed by its own tile. Blocks
    are disjoint and cover every weight exactly once; before mapping there is no table.

    ```
    tile.array @W1 784x256 rule "sgd" weights("fc1", "float32", "9f86d0") alpha 0.125 blocks <
      [0:512, 0:256] on 0 at [0, 0],
      [512:784, 0:256] on 1 at [0, 0]
    >
    ```
    """

    name = "tile.array"
    sym_name = prop_def(SymbolNameConstraint())
    rows = prop_def(IntegerAttr)
    cols = prop_def(IntegerAttr)
    rule = prop_def(StringAttr)
    weights = opt_prop_def(WeightsAttr)
    alpha = opt_prop_def(FloatAttr)
    blocks = opt_prop_def(BlockTable)
    traits = traits_def(SymbolOpInterface(), HasParent(ModuleOp))

    def __init__(
        self,
        name: str,
        rows: int,
        cols: int,
        rule: str = "sgd",
        weights: WeightsAttr | None = None,
        alpha: float | None = None,
        blocks: BlockTable | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ):
        """Declare an array.

        Args:
            name: Symbol.
            rows: Inputs of a forward read.
            cols: Outputs of a forward read.
            rule: Name of the update rule.
            weights: Where the initial values are.
            alpha: Logical weight per device weight, dimensionless.
            blocks: Where the blocks live.
            attributes: Discardable attributes.
        """
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "rows": IntegerAttr(rows, i64),
                "cols": IntegerAttr(cols, i64),
                "rule": StringAttr(rule),
                "weights": weights,
                "alpha": None if alpha is None else FloatAttr(alpha, f64),
                "blocks": blocks,
            },
            attributes=dict(attributes or {}),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows.value.data, self.cols.value.data

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ArrayOp":
        name = parser.parse_symbol_name().data
        position = parser.pos
        dims = parser.parse_dimension_list()
        if len(dims) != 2:
            parser.raise_error(f"an array's shape must be rows x cols such as 64x256, not {dims}", position)
        parser.parse_keyword("rule")
        rule = parser.parse_str_literal()
        weights = parse_weights(parser)
        alpha = float(parser.parse_number()) if parser.parse_optional_keyword("alpha") else None
        blocks = BlockTable(BlockTable.parse_parameter(parser)) if parser.parse_optional_keyword("blocks") else None
        return cls(name, dims[0], dims[1], rule, weights, alpha, blocks, parse_extra(parser))

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        rows, cols = self.shape
        printer.print_string(f" {rows}x{cols} rule ")
        printer.print_string_literal(self.rule.data)
        if self.weights is not None:
            printer.print_string(" ")
            self.weights.print_inside(printer)
        if self.alpha is not None:
            printer.print_string(f" alpha {float_text(self.alpha.value.data)}")
        if self.blocks is not None:
            printer.print_string(" blocks ")
            self.blocks.print_parameter(printer)
        print_extra(printer, self)

    @override
    def verify_(self) -> None:
        rows, cols = self.shape
        if rows < 1 or cols < 1:
            raise VerifyException(f"an array's shape must be at least 1x1, not {rows}x{cols}; give it rows and columns")
        if self.alpha is not None and not 0 < self.alpha.value.data < float("inf"):
            raise VerifyException(f"alpha must be a positive number, not {self.alpha.value.data}; scale the weights")
        if self.blocks is not None:
            _verify_blocks(self.blocks, rows, cols)


def _verify_blocks(blocks: BlockTable, rows: int, cols: int) -> None:
    table = blocks.table.astype(np.int64)
    row_end, col_end = table[:, 0] + table[:, 2], table[:, 1] + table[:, 3]
    outside = (table[:, :4] < 0).any(axis=1) | (table[:, 2:4] < 1).any(axis=1) | (row_end > rows) | (col_end > cols)
    if outside.any():
        index = int(outside.argmax())
        raise VerifyException(f"block {index} must lie inside {rows}x{cols}, not at {_span(table[index])}; cut it anew")
    missing = rows * cols - int((table[:, 2] * table[:, 3]).sum())
    clash = _overlap(table)
    if clash is not None:
        first, second = clash
        raise VerifyException(
            f"blocks must be disjoint, not {_span(table[first])} over {_span(table[second])} "
            f"(blocks {first} and {second}); cut them anew"
        )
    if missing:
        raise VerifyException(f"blocks must cover every weight of {rows}x{cols}, not all but {missing}; add the rest")


def _overlap(table: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, int] | None:
    """Find two blocks that share a weight, by sweeping over rows: only blocks that share rows are compared."""
    order = np.argsort(table[:, 0], kind="stable")
    active: list[int] = []
    for index in order.tolist():
        row0, col0, _, cols = table[index, :4].tolist()
        active = [other for other in active if table[other, 0] + table[other, 2] > row0]
        if active:
            others = table[active]
            hits = (others[:, 1] < col0 + cols) & (others[:, 1] + others[:, 3] > col0)
            if hits.any():
                return min(index, active[int(hits.argmax())]), max(index, active[int(hits.argmax())])
        active.append(index)
    return None


def _span(row: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    row0, col0, rows, cols = (int(entry) for entry in row[:4])
    return f"[{row0}:{row0 + rows}, {col0}:{col0 + cols}]"
