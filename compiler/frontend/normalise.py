"""Bringing a model to one form: opset, functions, constants, leftovers of training, names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.inliner import inline_local_functions
from onnx.reference import ReferenceEvaluator
from onnx_ir.passes.common import (
    IdentityEliminationPass,
    LiftConstantsToInitializersPass,
    RemoveInitializersFromInputsPass,
    RemoveUnusedNodesPass,
    RemoveUnusedOpsetsPass,
)

from ohmflow.compiler.arrays.fixed import is_trainable, mark_fixed
from ohmflow.compiler.arrays.functions import OPSET
from ohmflow.compiler.arrays.graph_builder import GraphBuilder, unique_name
from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.errors import ModelError, UnsupportedError
from ohmflow.compiler.frontend.checks import check_operator_types

IR_VERSION = 10


def convert(proto: onnx.ModelProto, name: str) -> ir.Model:
    """Inline model-local functions and convert to opset 21.

    Raises:
        ModelError: a function can not be inlined.
        UnsupportedError: an operator, or a version of one, is unknown to the converter.
    """
    if proto.functions:
        try:
            proto = inline_local_functions(proto, convert_version=True)
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{name}: model-local functions must be ones to inline, not refused: '{error}'; export without them"
            ) from error
    version = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), OPSET)
    if version != OPSET:
        # What nothing here knows is named as such, before the converter stumbles over it.
        check_operator_types(proto, name)
        newest = onnx.defs.onnx_opset_version()
        if not 1 <= version <= newest:
            raise UnsupportedError(
                f"{name}: the opset must be one of 1 to {newest}, not {version}; export the model with opset {OPSET}"
            )
        try:
            proto = onnx.version_converter.convert_version(proto, OPSET)
        except (RuntimeError, ValueError, onnx.version_converter.ConvertError) as error:
            raise UnsupportedError(
                f"{name}: the model must be convertible to opset {OPSET}, not '{error}'; export it with opset {OPSET}"
            ) from error
    model = ir.from_proto(proto)
    model.ir_version = IR_VERSION
    RemoveInitializersFromInputsPass()(model)
    return model


def unique_node_names(model: ir.Model) -> None:
    """Give every node a name of its own, in place; unnamed nodes are called after operator and output."""
    used: set[str] = set()
    for node in model.graph.all_nodes():
        output = node.outputs[0].name if node.outputs else ""
        node.name = unique_name(node.name or f"{node.op_type}.{output}", used)


def remove_leftovers(model: ir.Model) -> None:
    """Turn Constant nodes into initialisers and drop Identity and what only training needs, in place.

    A Dropout that is on stays, as Dropout (x, ratio); a BatchNormalization in training mode is written as in inference.

    Raises:
        UnsupportedError: a Dropout or BatchNormalization whose extra outputs are used, or whose mode is computed.
    """
    constants = {node.outputs[0].name for node in model.graph if node.op_type == "Constant"}
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    for value in model.graph.initializers.values():
        if value.name in constants:
            mark_fixed(value)
    for node in list(model.graph):
        if node.op_type == "Dropout" and node.domain == "":
            _settle_dropout(model, node)
        if node.op_type == "BatchNormalization" and node.domain == "":
            _settle_normalization(model, node)
    IdentityEliminationPass()(model)


def _settle_dropout(model: ir.Model, node: ir.Node) -> None:
    """Drop a Dropout that is off; write one that is on as Dropout (x, ratio), which inference passes through."""
    mode = node.inputs[2] if len(node.inputs) > 2 else None
    ratio = node.inputs[1] if len(node.inputs) > 1 else None
    if mode is not None and mode.const_value is None:
        raise UnsupportedError(
            f"{at(model, node)}: training_mode of Dropout must be constant, not computed; export the model in one mode"
        )
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        raise UnsupportedError(f"{at(model, node)}: the mask of Dropout must be unused, not read; remove what reads it")
    if mode is None or mode.const_value is None or not mode.const_value.numpy().any():
        _bypass(model, node)
        return
    if ratio is not None and ratio.const_value is None:
        raise UnsupportedError(
            f"{at(model, node)}: ratio of Dropout must be a constant, not computed; export it as one"
        )
    share = 0.5 if ratio is None or ratio.const_value is None else float(ratio.const_value.numpy())
    if not 0.0 <= share < 1.0:
        raise UnsupportedError(
            f"{at(model, node)}: ratio of Dropout must be at least 0 and below 1, not {share:g}; choose another ratio"
        )
    if share == 0.0:
        _bypass(model, node)
        return
    node.resize_outputs(1)
    node.resize_inputs(2)
    node.attributes.pop("seed", None)  # masks come from the machine's own streams


def _bypass(model: ir.Model, node: ir.Node) -> None:
    data = node.inputs[0]
    identity = ir.Node("", "Identity", [data], num_outputs=1, name=node.name)
    identity.outputs[0].name = node.outputs[0].name
    identity.outputs[0].shape, identity.outputs[0].type = node.outputs[0].shape, node.outputs[0].type
    ir.convenience.replace_nodes_and_values(model.graph, node, [node], [identity], node.outputs[:1], identity.outputs)


def _settle_normalization(model: ir.Model, node: ir.Node) -> None:
    """Write the node as in inference: what it does in training is the same for both exports."""
    for output in node.outputs[1:]:
        if output.uses() or output.is_graph_output():
            raise UnsupportedError(
                f"{at(model, node)}: output '{output.name}' (a running statistic) must be unused, not read; "
                "remove what reads it: running statistics are kept up by training itself"
            )
    node.resize_outputs(1)
    node.attributes.pop("training_mode", None)


def fold_constants(model: ir.Model) -> None:
    """Compute nodes whose inputs are all constants, in place; what training may change is not a constant.

    Before:  s = Concat (zero, minus_one); y = Reshape (x, s)
    After:   y = Reshape (x, s)                                     s an initialiser
    """
    builder = GraphBuilder(model.graph)
    for node in list(model.graph):
        inputs = [value for value in node.inputs if value is not None]
        if node.domain != "" or not inputs or any(output.is_graph_output() for output in node.outputs):
            continue
        if any(value.const_value is None or is_trainable(value) for value in inputs):
            continue
        if any(
            attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
            for attribute in node.attributes.values()
        ):
            continue
        for output, result in zip(list(node.outputs), _evaluate(node), strict=True):
            name = output.name or "folded"
            array = np.asarray(result)
            constant = builder.initializer(array, builder.reserve(f"{name}.folded"))
            mark_fixed(constant)
            output.replace_all_uses_with(constant)
        model.graph.remove(node, safe=True)


def _evaluate(node: ir.Node) -> Sequence[Any]:
    """Run one node on its constants, by ONNX's reference implementation."""
    feeds = {}
    for value in node.inputs:
        if value is not None and value.const_value is not None:
            feeds[value.name or ""] = value.const_value.numpy()
    evaluator = ReferenceEvaluator(ir.to_proto(node), opsets={"": OPSET})
    return list(evaluator.run(None, feeds))


def remove_unused(model: ir.Model) -> None:
    """Remove nodes, initialisers and operator sets that no output depends on, in place."""
    RemoveUnusedNodesPass()(model)
    RemoveUnusedOpsetsPass()(model)
