"""What a model must be: supported operators, float32 inputs, finite weights."""

from collections.abc import Iterable
from math import prod

import numpy as np
import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.functions import OPSET
from ohmflow.compiler.arrays.location import at, source_of
from ohmflow.compiler.autodiff.registry import operators
from ohmflow.compiler.errors import ModelError, UnsupportedError
from ohmflow.compiler.frontend.near_operators import nearest

LARGEST_SAMPLE = 1 << 26
"""Elements of one value for one sample, or of a weight; a convolution's windows count one by one."""

_REMOVED = frozenset({"Constant", "Split"})  # by the front end itself


def check_operators(model: ir.Model) -> None:
    """Refuse operators that have no gradient rule.

    Raises:
        UnsupportedError: a line for each such node.
    """
    _check((at(model, node), node.domain, node.op_type) for node in model.graph)


def check_operator_types(proto: onnx.ModelProto, name: str) -> None:
    """Refuse operators that the ONNX standard does not have, before conversion.

    Raises:
        UnsupportedError: a line for each such node.
    """
    unknown = []
    for node in proto.graph.node:
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type):
            unknown.append((f"{name}: node '{node.name or node.output[0]}'", node.domain, node.op_type))
    _check(unknown)


def _check(nodes: Iterable[tuple[str, str, str]]) -> None:
    known = operators()
    faults = [
        f"{where}: operator must be one that docs/operators.md lists, not {_spell(domain, op_type)}; "
        f"{_way_out(op_type, list(known))}"
        for where, domain, op_type in nodes
        if domain != "" or (op_type not in known and op_type not in _REMOVED)
    ]
    if faults:
        raise UnsupportedError("\n".join(faults))


def _spell(domain: str, op_type: str) -> str:
    return f"{domain}::{op_type}" if domain else op_type


def _way_out(op_type: str, known: list[str]) -> str:
    near = nearest(op_type, known)
    if not near:
        return "express it with those"
    return f"replace it, nearest to it {'is' if len(near) == 1 else 'are'} {', '.join(near)}"


def check_inputs(model: ir.Model) -> None:
    """Refuse a model without outputs, or with other inputs than float32 tensors that begin with a batch.

    Raises:
        ModelError: no floating input, an input of unknown or zero rank.
        UnsupportedError: an input of another type than float32.
    """
    name = source_of(model)
    inputs = list(model.graph.inputs)
    floating = [value for value in inputs if value.dtype is not None and value.dtype.is_floating_point()]
    if not floating:
        given = (
            ", ".join(f"'{value.name}' ({value.dtype.name if value.dtype else 'untyped'})" for value in inputs)
            or "none"
        )
        raise ModelError(
            f"{name}: the model must have a floating-point input, not {given}; export it with its data as input"
        )
    if not model.graph.outputs:
        raise ModelError(f"{name}: the model must have an output, not none; export it again")
    for value in inputs:
        if value.dtype != ir.DataType.FLOAT:
            kind = value.dtype.name if value.dtype else "untyped"
            raise UnsupportedError(
                f"{name}: input '{value.name}' must be of type FLOAT, not {kind}; export the model in float32"
            )
        if value.shape is None or len(value.shape) == 0:
            raise ModelError(
                f"{name}: input '{value.name}' must have a shape that begins with the batch, not "
                f"{'an unknown one' if value.shape is None else 'a scalar'}; export it with its shape"
            )
        if any(isinstance(length, int) and length < 1 for length in value.shape):
            raise ModelError(
                f"{name}: input '{value.name}' must have lengths of at least 1, not {value.shape}; "
                "export the model with its true sizes"
            )


def check_types(model: ir.Model) -> None:
    """Refuse nodes whose operands have types that do not go together; ONNX's shape inference looks at one of them.

    Raises:
        ModelError: operands that the operator wants of one type have two, or one that it does not take.
    """
    for node in model.graph:
        schema = onnx.defs.get_schema(node.op_type, OPSET)
        allowed = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
        bound: dict[str, ir.Value] = {}
        for k, value in enumerate(node.inputs):
            formal = schema.inputs[min(k, len(schema.inputs) - 1)]  # the last may stand for any number
            if value is None or value.dtype is None:
                continue
            kind = f"tensor({value.dtype.name.lower()})"
            if kind not in allowed.get(formal.type_str, {formal.type_str}):
                raise ModelError(
                    f"{at(model, node)}: operand '{value.name}' must be of a type that {node.op_type} takes, not "
                    f"{value.dtype.name}; export it in float32"
                )
            first = bound.setdefault(formal.type_str, value)
            if first.dtype is not None and first.dtype != value.dtype:
                raise ModelError(
                    f"{at(model, node)}: operand '{value.name}' must be of the type of '{first.name}', "
                    f"{first.dtype.name}, not {value.dtype.name}; export it in float32"
                )


def check_sizes(model: ir.Model) -> None:
    """Refuse values that are empty, or too large for a sample; all shapes are known.

    Raises:
        ModelError: a length is 0.
        UnsupportedError: a sample has more than `LARGEST_SAMPLE` elements of a value.
    """
    for value in model.graph.inputs:
        _check_size(value, f"{source_of(model)}: input '{value.name}'")
    weights = [v for v in model.graph.initializers.values() if v.dtype is not None and v.dtype.is_floating_point()]
    for value in weights:  # a list of axes may well be empty
        _check_size(value, f"{source_of(model)}: initializer '{value.name}'")
    for node in model.graph:
        for value in node.outputs:
            _check_size(value, f"{at(model, node)}: output '{value.name}'")


def _check_size(value: ir.Value, where: str) -> None:
    if value.shape is None:
        return
    lengths = [length for length in value.shape if isinstance(length, int)]
    if any(length < 1 for length in lengths):
        raise ModelError(f"{where} must have lengths of at least 1, not {value.shape}; export the model again")
    if prod(lengths) > LARGEST_SAMPLE:
        raise UnsupportedError(
            f"{where} must have at most {LARGEST_SAMPLE:,} elements for a sample, not {prod(lengths):,}; "
            "use smaller inputs or padding"
        )


def check_values(model: ir.Model) -> None:
    """Refuse weights that are not finite, and floating values of another type than float32.

    Raises:
        ModelError: an initialiser holds NaN or infinity.
        UnsupportedError: a value is float16, bfloat16 or double.
    """
    name = source_of(model)
    for value in model.graph.initializers.values():
        if value.dtype is None or not value.dtype.is_floating_point() or value.const_value is None:
            continue
        if value.dtype != ir.DataType.FLOAT:
            raise UnsupportedError(
                f"{name}: initializer '{value.name}' must be of type FLOAT, not {value.dtype.name}; "
                "export the model in float32"
            )
        stored = value.const_value.numpy()
        wrong = ~np.isfinite(stored)
        if wrong.any():
            raise ModelError(
                f"{name}: initializer '{value.name}' must be finite, not {stored[wrong][0]} at "
                f"{[int(i) for i in np.argwhere(wrong)[0]]}; export a model whose training did not diverge"
            )
