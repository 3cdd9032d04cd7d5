"""One symbolic dimension, `batch`, the first of every value that depends on an input.

Every sample is computed on its own, row by row: that is what lets a machine read samples one after another. A model
exported with a fixed first dimension is given a symbolic one, by inferring its shapes again, and refused where a
node would mix samples.
"""

import math
from dataclasses import dataclass

import onnx_ir as ir

from ohmflow.compiler.arrays.fixed import mark_fixed
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import at, source_of
from ohmflow.compiler.arrays.shapes import BATCH, dims, has_batch, infer_shapes
from ohmflow.compiler.autodiff.registry import operators
from ohmflow.compiler.errors import ModelError, UnsupportedError


@dataclass(frozen=True)
class _Leading:
    """The first dimension of an input as the model was exported."""

    input: str
    length: int | str | None


def make_batch_symbolic(model: ir.Model) -> None:
    """Rename or free the first dimension of all inputs, and write every Reshape of samples as [0, …], in place.

    Before:  x [1, 1, 8, 8];      y = Reshape (x, [1, -1])
    After:   x [batch, 1, 8, 8];  y = Reshape (x, [0, 64])

    A Reshape that does not keep the batch first stays as it is, for `check_rows` to refuse.

    Raises:
        ModelError: operands do not fit each other.
        UnsupportedError: inputs disagree on the batch, or another dimension is not fixed.
    """
    _check_inputs(model)
    _name_leading(model)
    infer_shapes(model, complete=False)
    dependent = _dependent(model)
    for node in list(model.graph):
        if node.op_type == "Reshape" and node.domain == "" and node.inputs[0] in dependent:
            _rewrite_reshape(model, node)
    for value in model.graph.inputs:
        assert value.shape is not None
        value.shape = ir.Shape([BATCH, *value.shape[1:]])
    # Shapes that were inferred or declared with the old batch are inferred again.
    for node in model.graph:
        for output in node.outputs:
            output.shape = None


def infer_with_batch(model: ir.Model) -> None:
    """Infer all shapes again, now that the batch is symbolic, in place.

    Raises:
        UnsupportedError: operands fit each other for the exported batch only.
    """
    try:
        infer_shapes(model)
    except ModelError as error:
        raise UnsupportedError(
            f"{error} (they fit for the exported batch only: export it with a symbolic one)"
        ) from error


def check_rows(model: ir.Model) -> None:
    """Check that every node works row by row in the batch.

    Raises:
        UnsupportedError: nodes mix samples, or values have another open dimension than the batch; a line for each.
    """
    if faults := row_faults(model):
        raise UnsupportedError("\n".join(faults))


def row_faults(model: ir.Model) -> list[str]:
    """Say which nodes do not work row by row in the batch, one sentence each.

    Args:
        model: nodes whose operator is not known, or around which shapes are not known, are passed over.
    """
    known = operators()
    dependent = _dependent(model)
    faults = []
    for node in model.graph:
        around = [value for value in (*node.inputs, *node.outputs) if value is not None]
        if node.op_type not in known or any(value.shape is None for value in around):
            continue
        if any(value in dependent and not _begins_with_batch(value) for value in node.inputs if value is not None):
            continue  # the fault is of the node that made it so
        output = node.outputs[0]
        complaint = known[node.op_type].rows(node)
        if complaint is None and output in dependent and not has_batch(output):
            complaint = f"output '{output.name}' must begin with the batch, not lose it; keep it the first dimension"
        if complaint is None and None in dims(output)[1:]:
            complaint = (
                f"output '{output.name}' must have fixed dimensions after the batch, not {output.shape}; "
                "export the model with fixed sizes"
            )
        if complaint is not None:
            faults.append(f"{at(model, node)}: {complaint}")
    return faults


def _begins_with_batch(value: ir.Value) -> bool:
    return has_batch(value) and None not in dims(value)[1:]


def _check_inputs(model: ir.Model) -> None:
    first: _Leading | None = None
    for value in model.graph.inputs:
        assert value.shape is not None, "checked with the inputs"
        for axis, length in enumerate(value.shape[1:], start=1):
            if not isinstance(length, int):
                raise UnsupportedError(
                    f"{source_of(model)}: input '{value.name}' must have fixed dimensions after the batch, not "
                    f"'{length}' as dimension {axis}; export the model with a fixed size"
                )
        leading = value.shape[0]
        this = _Leading(value.name or "", leading if isinstance(leading, int) else leading.value)
        first = first or this
        if this.length is not None and first.length is not None and this.length != first.length:
            raise UnsupportedError(
                f"{source_of(model)}: input '{this.input}' must begin with the batch of input '{first.input}', not "
                f"{this.length} beside {first.length}; give both the same first dimension"
            )


def _name_leading(model: ir.Model) -> None:
    """Call an open first dimension `batch`; a fixed one stays for now."""
    for value in model.graph.inputs:
        assert value.shape is not None
        if not isinstance(value.shape[0], int):
            value.shape = ir.Shape([BATCH, *value.shape[1:]])


def _dependent(model: ir.Model) -> set[ir.Value]:
    """Return the values that depend on an input."""
    dependent = set(model.graph.inputs)
    for node in model.graph:
        if any(value in dependent for value in node.inputs):
            dependent.update(node.outputs)
    return dependent


def _rewrite_reshape(model: ir.Model, node: ir.Node) -> None:
    """Write the new shape as [0, …], the batch and then lengths that hold for every batch, if it is that."""
    data, target = node.inputs[0], node.inputs[1]
    assert data is not None and target is not None, "the checker requires both operands"
    result = node.outputs[0].shape
    rest = None if result is None or len(result) == 0 else list(result[1:])
    inner = None if data.shape is None else list(data.shape[1:])
    if rest is None or inner is None or not _same_size(rest, inner):
        return
    assert result is not None and data.shape is not None, "both were looked at above"
    before, after = data.shape[0], result[0]
    if isinstance(after, int) and after != before:
        return  # a declared output of one batch length must not make [1, -1] look like [batch, -1]
    builder = GraphBuilder(model.graph)
    lengths = [0, *(int(length) for length in rest if isinstance(length, int))]
    shape = builder.ints(lengths)
    mark_fixed(shape)
    node.replace_input_with(1, shape)
    node.attributes.pop("allowzero", None)


def _same_size(first: list[int | ir.SymbolicDim], second: list[int | ir.SymbolicDim]) -> bool:
    lengths = [[length for length in shape if isinstance(length, int)] for shape in (first, second)]
    if len(lengths[0]) != len(first) or len(lengths[1]) != len(second):
        return False
    return math.prod(lengths[0]) == math.prod(lengths[1])
