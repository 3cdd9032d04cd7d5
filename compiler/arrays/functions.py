"""The three array operators, as model-local ONNX functions with plain-ONNX bodies (domain `ohmflow`, version 1).

    mvm(x, w)           = x · w                        x [..., rows], w [rows, cols] -> [..., cols]
    mvm_t(d, w)         = d · wᵀ                       d [..., cols], w [rows, cols] -> [..., rows]
    update(w, x, d, lr) = w − lr · Σ xᵀ d              summed over all leading dimensions -> [rows, cols]

The bodies are the reference meaning; a machine replaces them. Their attributes `array` (the array's name) and `site`
(which read of the array this is) tell it where the product lives, and the bodies ignore them.
"""

from collections.abc import Callable

import onnx_ir as ir

DOMAIN = "ohmflow"
VERSION = 1
OPSET = 21

MVM = "mvm"
MVM_T = "mvm_t"
UPDATE = "update"


def _function(
    name: str, operands: tuple[str, ...], body: Callable[[ir.tape.Tape, list[ir.Value]], ir.Value]
) -> ir.Function:
    inputs = [ir.Value(name=operand) for operand in operands]
    tape = ir.tape.Tape()
    output = body(tape, inputs)
    # Named after the function, so that values inlined into a user's graph say where they come from.
    for number, node in enumerate(tape.nodes):
        node.name = f"{DOMAIN}.{name}.{node.op_type}_{number}"
        node.outputs[0].name = node.name
    graph = ir.Graph(inputs, [output], nodes=tape.nodes, name=name, opset_imports={"": OPSET})
    attributes = [ir.Attr("array", ir.AttributeType.STRING, None), ir.Attr("site", ir.AttributeType.INT, None)]
    return ir.Function(DOMAIN, name, graph=graph, attributes=attributes)


def _mvm(tape: ir.tape.Tape, operands: list[ir.Value]) -> ir.Value:
    return tape.op("MatMul", operands)


def _mvm_t(tape: ir.tape.Tape, operands: list[ir.Value]) -> ir.Value:
    d, w = operands
    return tape.op("MatMul", [d, tape.op("Transpose", [w], {"perm": [1, 0]})])


def _update(tape: ir.tape.Tape, operands: list[ir.Value]) -> ir.Value:
    w, x, d, lr = operands
    rows, cols = (tape.op("Flatten", [vectors], {"axis": -1}) for vectors in (x, d))
    total = tape.op("MatMul", [tape.op("Transpose", [rows], {"perm": [1, 0]}), cols])
    return tape.op("Sub", [w, tape.op("Mul", [total, lr])])


def array_functions() -> tuple[ir.Function, ...]:
    """Return fresh copies of the three functions, to put into a model."""
    return (
        _function(MVM, ("x", "w"), _mvm),
        _function(MVM_T, ("d", "w"), _mvm_t),
        _function(UPDATE, ("w", "x", "d", "lr"), _update),
    )


def add_array_functions(model: ir.Model, names: set[str]) -> None:
    """Put those array functions whose name is in `names` into the model, once, and import their operator set."""
    for function in array_functions():
        if function.name in names:
            model.functions.setdefault(function.identifier(), function)
    model.graph.opset_imports[DOMAIN] = VERSION
