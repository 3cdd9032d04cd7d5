"""Split becomes one Slice for each of its parts, so that every node has one output.

Before:  a, b = Split <axis = 1, num_outputs = 2> (x)                x [batch, 6]
After:   a = Slice (x, [0], [3], [1]);  b = Slice (x, [3], [6], [1])
"""

import onnx_ir as ir

from ohmflow.compiler.arrays.fixed import mark_fixed
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.errors import UnsupportedError


def slice_splits(model: ir.Model) -> None:
    """Replace every Split, in place; all shapes are known.

    Raises:
        UnsupportedError: a Split of the batch.
    """
    for node in list(model.graph):
        if node.op_type == "Split" and node.domain == "":
            _replace(model, node)


def _replace(model: ir.Model, node: ir.Node) -> None:
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    attribute = node.attributes.get("axis")
    axis = (0 if attribute is None else attribute.as_int()) % len(dims(x))
    if has_batch(x) and axis == 0:
        raise UnsupportedError(
            f"{at(model, node)}: axis must be another dimension than the batch, not 0; split within each sample"
        )
    builder = GraphBuilder(model.graph, before=node)
    begin = 0
    for output in list(node.outputs):
        length = dims(output)[axis]
        assert length is not None, "the axis is not the batch"
        bounds = [builder.ints([number]) for number in (begin, begin + length, axis)]
        for bound in bounds:
            mark_fixed(bound)
        begin += length
        part = builder.op("Slice", [x, *bounds], f"{output.name}.part")
        part.shape, part.type = output.shape, output.type
        output.replace_all_uses_with(part, replace_graph_outputs=True)
        name, output.name = output.name, None
        part.name = name
    model.graph.remove(node, safe=True)
