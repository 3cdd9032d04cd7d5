"""Array extraction: matrix products with a trainable weight matrix become array operators.

    Before:  y = Gemm <alpha = 2.0, transB = 1> (x, w, c)               w [cols, rows]
    After:   p = ohmflow::mvm <array = "w", site = 0> (x, w)            w [rows, cols]
             s = Mul (p, 2.0);  y = Add (s, c)

MatMul and Gemm whose right operand is a trainable initialiser of rank 2, or the Transpose of one, are extracted; so
is MatMul with such a left operand, between two Transposes; and Conv with trainable weights (see
`ohmflow.compiler.arrays.convolution`). Everything else stays digital, with a reason. An initialiser that several nodes
read is one array with several sites.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayGraph, ArrayInfo
from ohmflow.compiler.arrays.convolution import ConvRead, Grouped, as_conv_read, group_matrices, rewrite_conv
from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.arrays.functions import DOMAIN, MVM, add_array_functions
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.arrays.shapes import dims, has_batch, infer_shapes
from ohmflow.compiler.arrays.window_functions import add_window_functions
from ohmflow.compiler.errors import UnsupportedError

_PRODUCTS = ("MatMul", "Gemm", "Conv")


ENTRY_NAMES = ("program", "infer", "train_step")
"""Symbols of a program's entries, which no array may take."""


@dataclass(frozen=True)
class _Read:
    """A node that can read an array."""

    node: ir.Node
    weight: ir.Value  # the source initialiser
    transposed: bool  # the source stores [cols, rows]
    left: bool  # the weight is MatMul's left operand
    conv: ConvRead | None = None


def extract_arrays(
    model: ir.Model, digital: Collection[str] = (), grouped: Callable[[Grouped], str | None] | None = None
) -> ArrayGraph:
    """Turn matrix products with weights into array operators.

    Args:
        model: a model as `load_model` returns it: shapes known, nodes named; it is not changed.
        digital: names of nodes to leave digital.
        grouped: why a convolution in groups had better stay digital, or None; without it, all go to arrays.

    Returns:
        The array graph. Its arrays are initialisers of shape [rows, cols], named after the array.

    Raises:
        UnsupportedError: two nodes use one initialiser in opposite orientations.
    """
    model = model.clone()
    reads: list[_Read] = []
    kept: list[tuple[str, str]] = []
    for node in model.graph:
        if node.op_type not in _PRODUCTS or node.domain != "":
            continue
        read = "it was asked to stay digital" if node.name in digital else _as_read(node, grouped)
        if isinstance(read, _Read):
            reads.append(read)
        else:
            kept.append((node.name or "", read))

    by_weight: dict[ir.Value, list[_Read]] = {}
    for read in reads:
        by_weight.setdefault(read.weight, []).append(read)
    arrays = []
    for weight, sites in by_weight.items():
        other = _other_use(weight, {site.node for site in sites})
        if other is not None:
            kept.extend((site.node.name or "", f"its weight '{weight.name}' is also {other}") for site in sites)
            continue
        _check_orientation(model, weight, sites)
        arrays += _extract(model.graph, weight, sites)
    if arrays:
        add_array_functions(model, {MVM})
        windows = [window for read in reads if read.conv is not None for window in read.conv.windows]
        add_window_functions(model, windows)
    infer_shapes(model)
    return ArrayGraph(model, tuple(arrays), tuple(kept))


def _as_read(node: ir.Node, grouped: Callable[[Grouped], str | None] | None) -> _Read | str:
    """Return how the node reads an array, or why it can not."""
    first, second = node.inputs[0], node.inputs[1]
    assert first is not None and second is not None, "the checker requires both operands"
    if node.op_type == "Conv":
        conv = as_conv_read(node, grouped)
        return conv if isinstance(conv, str) else _Read(node, second, transposed=True, left=False, conv=conv)
    if node.op_type == "Gemm" and _int(node, "transA"):
        return "transA = 1 multiplies by the transposed input"
    right, left = _weight(second), _weight(first)
    if right is not None and left is not None:
        return "both operands are weights"
    if right is not None:
        weight, transposed = right
        if not has_batch(first) or len(dims(first)) < 2:
            return "its input does not depend on the batch"
        return _Read(node, weight, transposed != bool(_int(node, "transB")), left=False)
    if left is not None and node.op_type == "MatMul":
        weight, transposed = left
        if not has_batch(second) or len(dims(second)) < 3:
            return "its right operand is not a batch of matrices"
        # W · X = (Xᵀ · Wᵀ)ᵀ: the source stores [cols, rows].
        return _Read(node, weight, not transposed, left=True)
    return "no operand is a trainable initialiser of rank 2"


def _weight(value: ir.Value) -> tuple[ir.Value, bool] | None:
    """Return the trainable matrix that the value is, and whether it is transposed on the way."""
    producer = value.producer()
    if producer is None:
        return (value, False) if is_trainable(value) and len(dims(value)) == 2 else None
    if producer.op_type != "Transpose" or producer.domain != "":
        return None
    stored = producer.inputs[0]
    perm = producer.attributes.get("perm")
    if stored is None or (perm is not None and tuple(perm.as_ints()) != (1, 0)) or stored.producer() is not None:
        return None
    return (stored, True) if is_trainable(stored) and len(dims(stored)) == 2 else None


def _int(node: ir.Node, name: str) -> int:
    attribute = node.attributes.get(name)
    return 0 if attribute is None else attribute.as_int()


def _other_use(weight: ir.Value, readers: set[ir.Node]) -> str | None:
    """Return what else the weight is used for than by the readers, as the end of a sentence, or None."""
    if weight.is_graph_output():
        return "an output of the model"
    for node, _ in weight.uses():
        if node in readers:
            continue
        if node.op_type != "Transpose":
            return f"used by node '{node.name}'"
        turned = node.outputs[0]
        if turned.is_graph_output():
            return "an output of the model"
        for user, _ in turned.uses():
            if user not in readers:
                return f"used by node '{user.name}'"
    return None


def _check_orientation(model: ir.Model, weight: ir.Value, sites: list[_Read]) -> None:
    first = sites[0]
    for site in sites[1:]:
        if site.transposed != first.transposed:
            raise UnsupportedError(
                f"{at(model, site.node)}: weight '{weight.name}' must be read in one orientation, not transposed to "
                f"how node '{first.node.name}' reads it; give one of the two nodes a copy of the weight"
            )


def _extract(graph: ir.Graph, weight: ir.Value, sites: list[_Read]) -> list[ArrayInfo]:
    """Store the array, one for every group of a convolution, as [rows, cols] and rewrite the nodes that read it."""
    source = weight.name or ""
    assert weight.const_value is not None, "a weight is an initialiser"
    stored = weight.const_value.numpy()
    transposed, conv = sites[0].transposed, sites[0].conv
    matrices = [stored.T if transposed else stored] if conv is None else group_matrices(stored, conv.groups)
    base = _symbol(source)
    builder = GraphBuilder(graph)
    names = [base if len(matrices) == 1 else f"{base}.g{k}" for k in range(len(matrices))]
    names = [name if name == source else builder.reserve(name) for name in names]
    turns = [node for node, _ in weight.uses() if node.op_type == "Transpose"]
    graph.initializers.pop(source)
    arrays = [builder.initializer(np.ascontiguousarray(m), name) for m, name in zip(matrices, names, strict=True)]
    for number, site in enumerate(sites):
        if site.conv is None:
            _rewrite(graph, site, arrays[0], number)
        else:
            rewrite_conv(graph, site.node, site.conv, arrays, number)
    graph.remove(turns, safe=True)
    readers = tuple(site.node.name or "" for site in sites)
    per_group = len(stored) // len(arrays)
    return [
        ArrayInfo(
            array.name or "",
            source,
            transposed,
            matrix.shape[0],
            matrix.shape[1],
            readers if len(arrays) == 1 else tuple(f"{reader}.g{k}" for reader in readers),
            None if len(arrays) == 1 else (k * per_group, (k + 1) * per_group),
        )
        for k, (array, matrix) in enumerate(zip(arrays, matrices, strict=True))
    ]


def _rewrite(graph: ir.Graph, read: _Read, array: ir.Value, site: int) -> None:
    """Put the array operator and what is left of the node in the node's place."""
    node, result = read.node, read.node.outputs[0]
    name = result.name or "product"
    builder = GraphBuilder(graph, before=node)
    # Looked up now: an earlier rewrite may have replaced it.
    x = node.inputs[1 if read.left else 0]
    assert x is not None, "the checker requires both operands"
    shape = dims(x)
    if read.left:
        swap = _swap_last_two(len(shape))
        x = builder.op("Transpose", [x], f"{x.name}.turned", perm=swap)
        shape = tuple(shape[axis] for axis in swap)
    if len(shape) > 3:  # an array knows one axis of positions
        x = builder.op("Reshape", [x, builder.ints([0, -1, shape[-1] or 0])], f"{x.name}.positions")
    value = builder.op(MVM, [x, array], f"{name}.mvm", domain=DOMAIN, array=array.name, site=site)
    product = value.producer()
    assert product is not None
    if len(shape) > 3:
        cols = dims(array)[1]
        value = builder.op(
            "Reshape", [value, builder.ints([0, *(n or 0 for n in shape[1:-1]), cols or 0])], f"{name}.shaped"
        )
    if read.left:
        value = builder.op("Transpose", [value], f"{name}.turned", perm=swap)
    if node.op_type == "Gemm":
        value = _scaled(builder, node, "alpha", value, f"{name}.scaled")
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            bias = _scaled(builder, node, "beta", node.inputs[2], f"{name}.bias")
            value = builder.op("Add", [value, bias], f"{name}.sum")
    value.shape, value.type = result.shape, result.type
    result.replace_all_uses_with(value, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    # The last node takes over the result's name, and the array operator the node's: reports speak of both.
    value.name = name
    product.name = node.name


def _swap_last_two(rank: int) -> list[int]:
    return [*range(rank - 2), rank - 1, rank - 2]


def _scaled(builder: GraphBuilder, node: ir.Node, attribute: str, value: ir.Value, name: str) -> ir.Value:
    """Return the value times Gemm's alpha or beta, the value itself if that is 1."""
    factor = node.attributes.get(attribute)
    if factor is None or factor.as_float() == 1.0:
        return value
    return builder.op("Mul", [value, builder.scalar(factor.as_float())], name)


def _symbol(name: str) -> str:
    """Return the nearest legal symbol: [A-Za-z_][A-Za-z0-9_.]*."""
    legal = re.sub(r"[^A-Za-z0-9_.]", "_", name)
    if legal in ENTRY_NAMES:
        return f"{legal}_"
    return legal if re.match(r"[A-Za-z_]", legal) else f"_{legal}"
