"""Finding out which rows of its operands a segment needs for which rows of its results.

For every node, a rule turns "so many leading indices along this axis of the output" into the same of its inputs. Rules
are followed from a segment's results to its operands. Where a rule knows no better, the whole operand is needed, which
costs time in the clock and is never wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from ohmflow.compiler.arrays.window_functions import is_fold, is_windows, window_of
from ohmflow.compiler.arrays.work import is_rows, row_dims
from ohmflow.compiler.autodiff.registry import STREAMS
from ohmflow.compiler.lowering.segments import Segment, is_array_operation
from ohmflow.compiler.tile.steps import Need, Steps

Counts = tuple[int, ...]
"""Leading indices along an axis that are needed, by step."""


@dataclass(frozen=True)
class Along:
    """What is needed of a value: leading indices along an axis of one row; axis -1 stands for all of it."""

    axis: int
    counts: Counts


Rule = Callable[[ir.Node, Along], Sequence[tuple[ir.Value, Along]]]

_ALL = Along(-1, ())

_MOST_STEPS = 256
"""Results that nobody takes in parts are not cut finer than this."""

_SPATIAL = frozenset({"MaxPool", "AveragePool", "LpPool"})
_ELEMENTWISE = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Max", "Min", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Neg", "Abs"),
        *("Exp", "Log", "Sqrt", "Where", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Cast", "Not"),
        *("And", "Or", "Reciprocal", "Identity", "Sign", "Erf", "Elu", "HardSigmoid", "HardSwish", "Softplus", "Pow"),
        *("Mod", "Floor", "Round"),
    }
)
_SHAPES = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})


def segment_steps(segment: Segment) -> Steps | None:
    """Say how a segment can work in steps, or None if it needs its operands whole."""
    if segment.kind != "row":
        return None
    for value in segment.outputs:
        for axis, count in _wanted(value):
            found = _steps(segment, value, axis, count)
            if found is not None:
                return found
    for value in segment.outputs:
        for axis, count in _possible(value):
            found = _steps(segment, value, axis, count)
            if found is not None:
                return found
    return None


def _wanted(value: ir.Value) -> list[tuple[int, int]]:
    """Axes along which the users of a value take it, and in how many parts."""
    found = []
    for use in value.uses():
        window = window_of(use.node)
        if window is not None and is_windows(use.node):
            found.append((1, window.image[1]))
        elif is_array_operation(use.node) and len(row_dims(value)) == 2 and use.idx == _D[use.node.op_type]:
            found.append((0, _rows_of_positions(use.node, row_dims(value)[0])))
    return [(axis, count) for axis, count in dict.fromkeys(found) if count > 1]


_D = {"mvm": 0, "mvm_t": 0, "update": 2}
"""Which operand of an array operation comes from a segment, position by position."""


def _rows_of_positions(node: ir.Node, positions: int) -> int:
    """In how many rows the positions of an array operation stand: those of the windows it takes or makes."""
    if node.op_type == "update":
        taken = node.inputs[1].producer() if node.inputs[1] is not None else None
        window = window_of(taken) if taken is not None else None
        return positions if window is None else window.out[0]
    folds = [window_of(later.node) for out in node.outputs for later in out.uses()]
    return next((w.out[0] for w in folds if w is not None), positions)


def _possible(value: ir.Value) -> list[tuple[int, int]]:
    shape = row_dims(value)
    axes = [1, 0] if len(shape) == 3 else [0, 1] if len(shape) == 2 else []
    return [(axis, shape[axis]) for axis in axes if 1 < shape[axis] <= _MOST_STEPS]


def _steps(segment: Segment, first: ir.Value, axis: int, count: int) -> Steps | None:
    """Try one axis of one result; the other results leave in as many parts if they can, else whole at the end."""
    length = row_dims(first)[axis]
    if length % count:
        return None
    asked = {first: Along(axis, tuple((k + 1) * (length // count) for k in range(count)))}
    parts = {first: axis}
    for value in segment.outputs:
        if value is first:
            continue
        parts[value] = -1
        for other, size in _possible(value):
            if size % count == 0:
                tried = Along(other, tuple((k + 1) * (size // count) for k in range(count)))
                if _follow(segment, asked | {value: tried}) is not None:
                    asked[value], parts[value] = tried, other
                    break
    needs = _follow(segment, asked)
    if needs is None:
        return None
    return Steps(count, tuple(needs.get(v) for v in segment.inputs), tuple(parts[v] for v in segment.outputs))


def _follow(segment: Segment, asked: dict[ir.Value, Along]) -> dict[ir.Value, Need] | None:
    """Follow what is asked of results to the operands; None if no operand may come in parts."""
    needed = dict(asked)
    inside = set(segment.nodes)
    for node in reversed(segment.nodes):
        for out in node.outputs:
            if out not in needed:
                continue
            for value, along in _inputs(node, out, needed[out]):
                known = needed.get(value)
                needed[value] = along if known is None else _both(known, along)
    found = {}
    for value in segment.inputs:
        along = needed.get(value, _ALL)
        if is_rows(value) and along.axis >= 0 and value.producer() not in inside:
            rows = row_dims(value)[along.axis]
            if along.counts[0] < rows and _made_along(value) in (along.axis, None):
                found[value] = Need(along.axis, rows, along.counts)
    return found or None


def _made_along(value: ir.Value) -> int | None:
    """The axis along which array operations make a value: that of positions, or of an image's rows; else None."""
    producer = value.producer()
    if producer is None or not is_array_operation(producer):
        return None
    return 1 if is_fold(producer) else 0


def _both(a: Along, b: Along) -> Along:
    if a.axis != b.axis or a.axis < 0:
        return _ALL
    return Along(a.axis, tuple(max(x, y) for x, y in zip(a.counts, b.counts, strict=True)))


def _inputs(node: ir.Node, out: ir.Value, along: Along) -> list[tuple[ir.Value, Along]]:
    given = [value for value in node.inputs if value is not None and is_rows(value)]
    if along.axis < 0:
        return [(value, _ALL) for value in given]
    shortcut = node.metadata_props.get(STREAMS)
    if shortcut is not None:
        return _unpooled(node, shortcut, along)
    if node.op_type in _ELEMENTWISE:
        return [(value, _broadcast(value, out, along)) for value in given]
    if node.op_type in _SHAPES:
        return [(given[0], _reshaped(given[0], out, along))] if given else []
    if node.op_type == "Transpose":
        perm = node.attributes["perm"].as_ints() if "perm" in node.attributes else None
        if perm is None:
            return [(value, _ALL) for value in given]
        return [(given[0], Along(perm[along.axis + 1] - 1, along.counts))]
    if node.op_type in _SPATIAL:
        return [(given[0], _pooled(node, given[0], along))]
    if node.op_type in ("Softmax", "LogSoftmax"):
        axis = node.attributes["axis"].as_int() if "axis" in node.attributes else -1
        rank = len(row_dims(out)) + 1
        return [(given[0], _ALL if axis % rank == along.axis + 1 else along)]
    return [(value, _ALL) for value in given]


def _broadcast(value: ir.Value, out: ir.Value, along: Along) -> Along:
    shape, result = row_dims(value), row_dims(out)
    if len(shape) != len(result) or shape[along.axis] != result[along.axis]:
        return _ALL
    return along


def _reshaped(value: ir.Value, out: ir.Value, along: Along) -> Along:
    """Leading indices along an axis are leading elements of each row before it, if the axes before hold as many."""
    shape, result = row_dims(value), row_dims(out)
    outer, step = prod(result[: along.axis]), prod(result[along.axis + 1 :])
    for axis in range(len(shape)):
        if prod(shape[:axis]) == outer and shape[axis] > 1:
            stride = prod(shape[axis + 1 :])
            return Along(axis, tuple(min(-(-count * step // stride), shape[axis]) for count in along.counts))
    return _ALL


def _pooled(node: ir.Node, value: ir.Value, along: Along) -> Along:
    if along.axis == 0:
        return along
    axis = along.axis - 1
    kernel = node.attributes["kernel_shape"].as_ints()

    def figure(name: str, default: int) -> int:
        return node.attributes[name].as_ints()[axis] if name in node.attributes else default

    reach = figure("dilations", 1) * (kernel[axis] - 1) - figure("pads", 0)
    stride, length = figure("strides", 1), row_dims(value)[along.axis]
    return Along(along.axis, tuple(min(max((n - 1) * stride + reach + 1, 0), length) for n in along.counts))


def _unpooled(node: ir.Node, shortcut: str, along: Along) -> list[tuple[ir.Value, Along]]:
    """The way back through a pool, whose nodes lose sight of the axes: `STREAMS` names its operands and figures."""
    operands, _, figures = shortcut.partition(";")
    values = _named(node, set(operands.split(",")))
    if along.axis != 1:
        return [(value, _ALL) for value in values]
    stride, pad, length = (int(n) for n in figures.split(","))
    counts = tuple(min((n - 1 + pad) // stride + 1, length) if n else 0 for n in along.counts)
    return [(value, Along(1, counts)) for value in values]


def _named(node: ir.Node, names: set[str]) -> list[ir.Value]:
    """Values of these names among what the node is made from."""
    found: dict[str, ir.Value] = {}
    stack, seen = [node], {node}
    while stack and len(found) < len(names):
        for value in stack.pop().inputs:
            if value is None:
                continue
            if value.name in names:
                found[value.name] = value
                continue
            producer = value.producer()
            if producer is not None and producer not in seen:
                seen.add(producer)
                stack.append(producer)
    return list(found.values())
