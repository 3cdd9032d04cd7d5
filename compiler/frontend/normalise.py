"""Bringing a model to one form: opset, functions, leftovers of training, names."""

import onnx
import onnx_ir as ir
from onnx.inliner import inline_local_functions
from onnx_ir.passes.common import (
    IdentityEliminationPass,
    LiftConstantsToInitializersPass,
    RemoveInitializersFromInputsPass,
    RemoveUnusedNodesPass,
    RemoveUnusedOpsetsPass,
)

from ohmflow.compiler.arrays.fixed import mark_fixed
from ohmflow.compiler.arrays.functions import OPSET
from ohmflow.compiler.arrays.graph_builder import unique_name
from ohmflow.compiler.arrays.location import at, source_of
from ohmflow.compiler.errors import ModelError, UnsupportedError
from ohmflow.compiler.frontend.checks import check_operator_types
from ohmflow.compiler.frontend.reading import check_onnx

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
        except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
            raise ModelError(
                f"{name}: model-local functions must be ones to write out in place, not refused with "
                f"'{' '.join(str(error).split())}'; export without functions"
            ) from error
        check_onnx(proto, name)  # what a function leaves undefined shows only now
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
                f"{name}: the model must be convertible to opset {OPSET}, not refused with "
                f"'{' '.join(str(error).split())}'; export it with opset {OPSET}"
            ) from error
        check_onnx(proto, name)
    try:
        model = ir.from_proto(proto)
    except (ir.serde.SerdeError, ValueError, TypeError) as error:
        cause = error.__cause__ or error
        raise ModelError(
            f"{name}: the model must be readable, not fail with '{' '.join(str(cause).split())}'; export it again"
        ) from error
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
        ModelError: an Identity between shapes that differ, a Dropout with several ratios.
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
    try:
        IdentityEliminationPass()(model)
    except ValueError as error:
        raise ModelError(
            f"{source_of(model)}: a declared output must have the shape of what it passes on, not another ({error}); "
            "export the model again"
        ) from error


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
    if ratio is not None and ratio.const_value is not None and ratio.const_value.size != 1:
        raise ModelError(
            f"{at(model, node)}: ratio of Dropout must be one number, not of shape {list(ratio.const_value.shape)}; "
            "export it as a scalar"
        )
    share = 0.5 if ratio is None or ratio.const_value is None else float(ratio.const_value.numpy().item())
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


def remove_unused(model: ir.Model) -> None:
    """Remove nodes, initialisers and operator sets that no output depends on, in place."""
    RemoveUnusedNodesPass()(model)
    RemoveUnusedOpsetsPass()(model)
