"""The plain-ONNX meaning of a graph with array operators."""

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, NameFixPass

from ohmflow.compiler.arrays.functions import DOMAIN


def inline_reference(model: ir.Model) -> ir.Model:
    """Replace every array operator by its reference body, also inside the bodies of loops.

    Before:  y = ohmflow::mvm <array = "fc1", site = 0> (x, w)
    After:   y = MatMul(x, w)

    Args:
        model: a model with array functions; it is not changed.

    Returns:
        A model of standard operators only, with the same inputs and outputs.
    """
    plain = model.clone()
    InlinePass(lambda function: function.domain == DOMAIN)(plain)
    NameFixPass()(plain)
    # The functions went with their last call; those never called go here.
    for identifier in [key for key in plain.functions if key[0] == DOMAIN]:
        del plain.functions[identifier]
    plain.graph.opset_imports.pop(DOMAIN, None)
    return plain
