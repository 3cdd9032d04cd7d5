"""What rules declare, as tile IR: auxiliary arrays, composites, states, digital segments and random arguments."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, StringAttr, f32

from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.lowering.functions import OPSET, SEGMENT_DOMAIN
from ohmflow.compiler.program.program import Port, SegmentRecord, StateRecord
from ohmflow.compiler.rules.choosing import LayerRule
from ohmflow.compiler.rules.declaration import MAIN, RuleSegment
from ohmflow.compiler.rules.errors import RuleError
from ohmflow.compiler.rules.protocol import part_symbol
from ohmflow.compiler.tile.attributes import WeightsAttr
from ohmflow.compiler.tile.composite import CompositeOp
from ohmflow.compiler.tile.entry import SegmentOp
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.tile_types import ScalarType, VecType

READ_PART = "read"
"""Part name of the composite that a layer is read as."""

_NUMPY = {"f32": "float32", "i64": "int64", "i1": "bool"}


def part_names(layers: Mapping[str, LayerRule]) -> set[str]:
    """Symbols of all parts.

    Raises:
        UnsupportedError: two things would have one name.
    """
    found: set[str] = set(layers)
    for name, layer in layers.items():
        declared = layer.declaration
        groups = (declared.arrays, declared.states, declared.segments, declared.draws)
        parts = [part.part for group in groups for part in group]
        for symbol in [part_symbol(name, part) for part in parts] + [part_symbol(name, READ_PART)] * declared.composite:
            if symbol in found:
                raise UnsupportedError(
                    f"array '{name}': parts of rule {layer.rule.name} must have names of their own, but '{symbol}' is "
                    "taken; rename the initialiser of that name"
                )
            found.add(symbol)
    return found


def declare_arrays(module: ModuleOp, name: str, layer: LayerRule) -> dict[str, NDArray[Any]]:
    """Declare the auxiliary arrays of a layer, and the composite that it is read as.

    Returns:
        Initial logical values by symbol.
    """
    weights: dict[str, NDArray[Any]] = {}
    shape = layer.setting.layer.rows, layer.setting.layer.cols
    for part in layer.declaration.arrays:
        symbol = part_symbol(name, part.part)
        weights[symbol] = np.full(shape, part.initial, np.float32)
        key = WeightsAttr(symbol, "float32", digest(weights[symbol]))
        module.body.block.add_op(ArrayOp(symbol, *shape, layer.rule.name, key, part.alpha))
    if layer.declaration.composite:
        terms = composite_terms(name, layer)
        module.body.block.add_op(CompositeOp(part_symbol(name, READ_PART), "sum", list(terms), list(terms.values())))
    return weights


def composite_terms(name: str, layer: LayerRule) -> dict[str, float]:
    """Arrays that a layer's weights are the sum of, each with its gain; the main array first."""
    parts = {part_symbol(name, p.part): p.gain for p in layer.declaration.arrays if p.gain != 0}
    return {part_symbol(name, MAIN): 1.0, **parts}


def declare_states(module: ModuleOp, name: str, layer: LayerRule) -> tuple[list[StateRecord], dict[str, NDArray[Any]]]:
    """Declare the states of a layer's rule; also their records and initial values by symbol."""
    records, weights = [], {}
    for state in layer.declaration.states:
        symbol, value = part_symbol(name, state.part), state.value()
        uniform = isinstance(state.initial, int | float)
        key = None if uniform else WeightsAttr(symbol, value.dtype.name, digest(value))
        start = state.initial if isinstance(state.initial, int | float) else None
        module.body.block.add_op(StateOp(symbol, state.kind, state.type, key, start))
        records.append(StateRecord(symbol, state.kind, value.dtype.name, value.shape, layer=name))
        weights[symbol] = value
    return records, weights


def declare_segments(
    module: ModuleOp, name: str, layer: LayerRule
) -> tuple[list[SegmentRecord], list[onnx.FunctionProto]]:
    """Declare the digital segments of a layer's rule; also their records and ONNX functions."""
    records, functions = [], []
    for segment in layer.declaration.segments:
        record, function = declare_segment(module, part_symbol(name, segment.part), segment)
        records.append(record)
        functions.append(function)
    return records, functions


def declare_segment(module: ModuleOp, symbol: str, segment: RuleSegment) -> tuple[SegmentRecord, onnx.FunctionProto]:
    """Declare one segment, before everything that may call it.

    Raises:
        RuleError: its body is not ONNX text.
    """
    kind = "batch" if segment.whole else "row"
    function = segment_function(symbol, segment)
    work = [(what, 0, n) if segment.whole else (what, n) for what, n in _work(segment)]
    op = SegmentOp(symbol, kind, [t for _, t in segment.inputs], [t for _, t in segment.outputs], work)
    operators = tuple(n.op_type for n in function.node if n.op_type != "Constant")
    op.attributes["operators"] = StringAttr(" ".join(operators))
    module.body.block.add_op(op)
    record = SegmentRecord(
        symbol,
        kind,
        tuple(_port(n, t, kind) for n, t in segment.inputs),
        tuple(_port(n, t, kind) for n, t in segment.outputs),
        operators,
    )
    return record, function


def segment_function(symbol: str, segment: RuleSegment) -> onnx.FunctionProto:
    """Make the ONNX function of a rule's segment from its text.

    Raises:
        RuleError: the text is not ONNX.
    """
    given, made = (", ".join(n for n, _ in ports) for ports in (segment.inputs, segment.outputs))
    head = f'<opset_import: ["" : {OPSET}], domain: "{SEGMENT_DOMAIN}">'
    try:
        function = onnx.parser.parse_function(f"{head}\nsegment ({given}) => ({made}) {{\n{segment.body}\n}}")
    except onnx.parser.ParseError as error:
        raise RuleError(
            f"segment '{symbol}': body must be statements of ONNX text, but: {error}; write for instance y = Add (a, b)"
        ) from error
    function.name = symbol
    return function


def draw_values(name: str, layer: LayerRule) -> tuple[list[ir.Value], dict[str, float]]:
    """Random arguments of a layer's rule as graph values with one row per sample; also their probabilities."""
    values, keep = [], {}
    for draw in layer.declaration.draws:
        symbol = part_symbol(name, draw.part)
        assert draw.type.element_type == f32, "draws are zeros and ones of f32"
        shape = ir.Shape(["batch", *draw.type.dims])
        values.append(ir.Value(name=symbol, shape=shape, type=ir.TensorType(ir.DataType.FLOAT)))
        keep[symbol] = draw.keep
    return values, keep


def digest(value: NDArray[Any]) -> str:
    """Hash of a value's bytes, as the tile IR keeps it."""
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()


def _work(segment: RuleSegment) -> Sequence[tuple[str, int]]:
    return [(kind, n) for kind, n in (("simple", segment.simple), ("special", segment.special)) if n]


def _port(name: str, kind: VecType | ScalarType, segment: str) -> Port:
    if isinstance(kind, ScalarType):
        return Port(name, "float32", ())
    rows: tuple[str, ...] = ("batch",) if segment == "row" else ()
    return Port(name, _NUMPY[str(kind.element_type)], (*rows, *kind.dims))
