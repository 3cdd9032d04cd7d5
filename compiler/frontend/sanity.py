"""What holds of any model file before the onnx library looks at it: names are text, values tensors, sizes honest.

The library's checker takes a file at its word in several places, and what it lets through ends in a crash of some
later step: a name with a line break, a tensor whose dimensions promise more than its bytes hold, a function that calls
itself.
"""

from collections.abc import Iterator
from math import prod

import onnx
from onnx import TensorProto

from ohmflow.compiler.errors import ModelError, UnsupportedError
from ohmflow.compiler.frontend.proto_walk import graphs, nodes, tensors, values

_BYTES: dict[int, int] = {
    **{kind: 1 for kind in (TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL)},
    **{kind: 2 for kind in (TensorProto.INT16, TensorProto.UINT16, TensorProto.FLOAT16, TensorProto.BFLOAT16)},
    **{kind: 4 for kind in (TensorProto.INT32, TensorProto.UINT32, TensorProto.FLOAT)},
    **{kind: 8 for kind in (TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE)},
}
"""Types of tensors that are read, and how many bytes an element takes in `raw_data`."""

_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}
"""Where elements are when they are not in `raw_data`; `int32_data` for all others."""

_MOST_NODES = 100_000
_DEEPEST = 100


def check_sanity(proto: onnx.ModelProto, name: str) -> None:
    """Check names, declared types and tensors.

    Raises:
        ModelError: a name is not printable text, a value is no tensor, a tensor's data do not have its shape.
        UnsupportedError: a tensor of a type that no step reads.
    """
    for what, text in _names(proto):
        if isinstance(text, bytes) or not text.isprintable():
            raise ModelError(f"{name}: {what} must be printable text, not {text!a}; rename it")
    for kind, value in values(proto):
        tensor = value.type.WhichOneof("value")
        if tensor not in ("tensor_type", None):
            raise ModelError(
                f"{name}: {kind} '{value.name}' must be a tensor, not a {str(tensor).removesuffix('_type')}; "
                "export a model of tensors"
            )
        if value.type.tensor_type.elem_type not in TensorProto.DataType.values():
            raise ModelError(
                f"{name}: {kind} '{value.name}' must have a type that ONNX knows, not number "
                f"{value.type.tensor_type.elem_type}; export it again"
            )
    for tensor_proto in tensors(proto):
        _check_tensor(tensor_proto, name)


def _names(proto: onnx.ModelProto) -> Iterator[tuple[str, str | bytes]]:
    """Every name that a message may repeat; protobuf hands on as bytes what is no text."""
    for entry in proto.opset_import:
        yield "a domain", entry.domain
    for graph in graphs(proto):
        yield "the name of a graph", graph.name
        for value in (*graph.input, *graph.output, *graph.value_info):
            yield "the name of a value", value.name
            for dim in value.type.tensor_type.shape.dim:
                yield "the name of a dimension", dim.dim_param
    for tensor in tensors(proto):
        yield "the name of a tensor", tensor.name
    for function in proto.functions:
        yield "the name of a function", function.name
        yield "a domain", function.domain
        for text in (*function.input, *function.output, *function.attribute):
            yield "the name of a value", text
    for node in nodes(proto):
        yield "the name of a node", node.name
        yield "an operator", node.op_type
        yield "a domain", node.domain
        for text in (*node.input, *node.output):
            yield "the name of a value", text
        for attribute in node.attribute:
            yield "the name of an attribute", attribute.name
            yield "the name of an attribute", attribute.ref_attr_name


def _check_tensor(tensor: onnx.TensorProto, name: str) -> None:
    where = f"{name}: initializer '{tensor.name}'" if tensor.name else f"{name}: a tensor of a node"
    if tensor.data_type not in TensorProto.DataType.values() or tensor.data_type == TensorProto.UNDEFINED:
        raise ModelError(f"{where} must have a type that ONNX knows, not number {tensor.data_type}; export it again")
    if tensor.data_type not in _BYTES:
        kind = TensorProto.DataType.Name(tensor.data_type)
        raise UnsupportedError(f"{where} must be of a float, integer or bool type, not {kind}; export it in float32")
    if any(length < 0 for length in tensor.dims):
        raise ModelError(f"{where} must have lengths of at least 0, not {list(tensor.dims)}; export it again")
    elements = prod(tensor.dims)
    if tensor.HasField("raw_data"):
        held, unit = len(tensor.raw_data), "bytes"
        wanted = elements * _BYTES[tensor.data_type]
    else:
        held, unit, wanted = len(getattr(tensor, _FIELDS.get(tensor.data_type, "int32_data"))), "elements", elements
    if held != wanted:
        raise ModelError(
            f"{where} must hold {wanted} {unit} for its shape {list(tensor.dims)}, not {held}; export it again"
        )


def check_functions(proto: onnx.ModelProto, name: str) -> None:
    """Check that model-local functions, written out in place, stay of a size that can be compiled.

    Raises:
        ModelError: functions call themselves, or unfold to more nodes than any model needs.
    """
    bodies = {(function.domain, function.name): function for function in proto.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> int:
        if len(above) > _DEEPEST:
            raise ModelError(
                f"{name}: functions must be at most {_DEEPEST} deep in each other, not more; export without functions"
            )
        if key in above:
            names = " -> ".join(f"{domain}::{function}" for domain, function in (*above[above.index(key) :], key))
            raise ModelError(f"{name}: a function must not call itself, as in {names}; export without functions")
        if key not in sizes:
            sizes[key] = sum(
                size(call, (*above, key)) if call in bodies else 1
                for call in ((node.domain, node.op_type) for node in bodies[key].node)
            )
        return sizes[key]

    calls = [(node.domain, node.op_type) for node in proto.graph.node]
    total = sum(size(call, ()) if call in bodies else 1 for call in calls)
    if total > _MOST_NODES:
        raise ModelError(
            f"{name}: functions must unfold to at most {_MOST_NODES:,} nodes, not {total:,}; export without functions"
        )
