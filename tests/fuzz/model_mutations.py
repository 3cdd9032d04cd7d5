"""Mutations that know ONNX: one function each, `(model, draws) -> None`, in place; its name tells what it does."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.fuzz.protobuf_mutations import FLOATS, INTEGERS, STRINGS

Mutation = Callable[[onnx.ModelProto, Random], None]
MUTATIONS: dict[str, Mutation] = {}
_AXES = (-9, -3, -2, -1, 0, 1, 2, 3, 9, 2**31, 2**63 - 1, -(2**63))
_HUGE = (2**20, 2**31 - 1, 2**31, 2**33, 2**40, 2**62, 2**63 - 1)


def mutation(function: Mutation) -> Mutation:
    """Register a mutation under its function's name."""
    MUTATIONS[function.__name__] = function
    return function


def _node(model: onnx.ModelProto, draws: Random) -> onnx.NodeProto:
    if not model.graph.node:
        model.graph.node.add(op_type="Relu", input=["x"], output=["added"])
    return model.graph.node[draws.randrange(len(model.graph.node))]


def _tensor(model: onnx.ModelProto, draws: Random) -> onnx.TensorProto:
    if not model.graph.initializer:
        model.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "added"))
    return model.graph.initializer[draws.randrange(len(model.graph.initializer))]


def _replace(field: Any, messages: list[Any]) -> None:
    """Make a repeated field hold these messages, which may be its own."""
    copies = [type(m).FromString(m.SerializeToString()) for m in messages]
    del field[:]
    field.extend(copies)


def _append(model: onnx.ModelProto, op_type: str, *inputs: np.ndarray, after: bool = True, **attributes: object) -> str:
    """Add constants and a node that reads them; its result becomes an operand of the first node if `after`."""
    names = []
    for k, value in enumerate(inputs):
        names.append(f"fuzz.{len(model.graph.initializer)}.{k}")
        model.graph.initializer.append(numpy_helper.from_array(value, names[-1]))
    result = f"fuzz.result.{len(model.graph.node)}"
    node = helper.make_node(op_type, names, [result], result, **attributes)
    model.graph.node.insert(0, node)
    if after and len(model.graph.node) > 1:
        target = model.graph.node[1]
        if target.input:
            target.input[len(target.input) - 1] = result
    return result


# Shapes and types of tensors ------------------------------------------------------------------------------------------


@mutation
def wrong_dims(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    dims = list(tensor.dims)
    draws.shuffle(dims)
    if dims and draws.random() < 0.5:
        dims[draws.randrange(len(dims))] = draws.choice((0, 1, 2, 3, 5, -1, 64))
    del tensor.dims[:]
    tensor.dims.extend(dims)


@mutation
def negative_dims(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    del tensor.dims[:]
    tensor.dims.extend(draws.choice(([-1], [-4, -6], [2, -1], [-(2**63)], [0, -1])))


@mutation
def huge_dims_without_data(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    name, kind = tensor.name, draws.choice((1, 1, 1, 7, 10, 11, 9, 8))
    tensor.Clear()
    tensor.name, tensor.data_type = name, kind
    tensor.dims.extend(draws.choice(_HUGE) for _ in range(draws.randint(1, 4)))
    if draws.random() < 0.5:
        tensor.raw_data = b""


@mutation
def data_of_another_length(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    if tensor.raw_data:
        cut = draws.choice((0, 1, 3, len(tensor.raw_data) // 2, len(tensor.raw_data) - 1))
        tensor.raw_data = tensor.raw_data[:cut] if draws.random() < 0.7 else tensor.raw_data + b"abc"
    else:
        tensor.float_data.extend([1.0] * draws.randint(1, 5))


@mutation
def another_dtype(model: onnx.ModelProto, draws: Random) -> None:
    _tensor(model, draws).data_type = draws.randint(-1, 28)


@mutation
def data_in_two_places(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    tensor.int64_data.extend([1, 2])
    tensor.float_data.extend([0.5])


@mutation
def strange_numbers(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    if tensor.data_type == TensorProto.FLOAT and len(tensor.raw_data) >= 4:
        values = np.frombuffer(tensor.raw_data, np.float32).copy()
        values[draws.randrange(len(values))] = draws.choice((*FLOATS, 3e38, -3e38, 1e-40))
        tensor.raw_data = values.tobytes()


@mutation
def all_numbers_alike(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    if tensor.data_type == TensorProto.FLOAT and tensor.raw_data:
        count = len(tensor.raw_data) // 4
        tensor.raw_data = np.full(count, draws.choice((0.0, 1e38, -1e-45, 1e-40, 3.4e38)), np.float32).tobytes()


@mutation
def strings_as_data(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    name, dims = tensor.name, list(tensor.dims)
    tensor.Clear()
    tensor.name, tensor.data_type = name, TensorProto.STRING
    tensor.dims.extend(dims if draws.random() < 0.5 else [2])
    tensor.string_data.extend([b"a", b"\xff\xfe"])


@mutation
def empty_weights(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    shape = draws.choice(((0,), (0, 4), (4, 0), (0, 0), (0, 2, 3, 3), ()))
    tensor.CopyFrom(numpy_helper.from_array(np.zeros(shape, np.float32), tensor.name))


@mutation
def large_weights(model: onnx.ModelProto, draws: Random) -> None:
    """A bias as wide as fits a few megabytes: sound, but for its width."""
    tensor = _tensor(model, draws)
    tensor.CopyFrom(numpy_helper.from_array(np.zeros(draws.choice((10**5, 10**6)), np.float32), tensor.name))


# Inputs and outputs ---------------------------------------------------------------------------------------------------


@mutation
def another_input_shape(model: onnx.ModelProto, draws: Random) -> None:
    if not model.graph.input:
        return
    value = draws.choice(list(model.graph.input))
    shape = value.type.tensor_type.shape
    for _ in range(draws.randint(1, 2)):
        action = draws.choice(("set", "add", "remove", "name", "open"))
        if action == "add" or not shape.dim:
            shape.dim.add(dim_value=draws.choice((0, 1, 3, -1, *_HUGE)))
        elif action == "remove":
            del shape.dim[draws.randrange(len(shape.dim))]
        else:
            dim = draws.choice(list(shape.dim))
            if action == "set":
                dim.dim_value = draws.choice((0, 1, 2, 5, 28, -1, -7, *_HUGE))
            elif action == "name":
                dim.dim_param = draws.choice((*STRINGS[:8], "batch", "M", "n + 1", "?"))
            else:
                dim.Clear()


@mutation
def large_inputs(model: onnx.ModelProto, draws: Random) -> None:
    """Lengths that a chip has no room for, along each dimension after the first two."""
    for value in model.graph.input:
        for dim in list(value.type.tensor_type.shape.dim)[2:]:
            dim.dim_value = draws.choice((1000, 4000, 10**5, 10**7))


@mutation
def another_input_type(model: onnx.ModelProto, draws: Random) -> None:
    for value in model.graph.input:
        kind = draws.choice(("elem", "sequence", "map", "optional", "sparse", "none"))
        if kind == "elem":
            value.type.tensor_type.elem_type = draws.randint(0, 27)
        elif kind == "sequence":
            value.type.sequence_type.elem_type.tensor_type.elem_type = 1
        elif kind == "map":
            value.type.map_type.key_type = 8
            value.type.map_type.value_type.tensor_type.elem_type = 1
        elif kind == "optional":
            value.type.optional_type.elem_type.tensor_type.elem_type = 1
        elif kind == "sparse":
            value.type.sparse_tensor_type.elem_type = 1
        else:
            value.ClearField("type")


@mutation
def missing_operand(model: onnx.ModelProto, draws: Random) -> None:
    node = _node(model, draws)
    if node.input:
        k = draws.randrange(len(node.input))
        if draws.random() < 0.4:
            del node.input[k]
        else:
            node.input[k] = draws.choice(("", "absent", "y", "x"))


@mutation
def operands_too_many(model: onnx.ModelProto, draws: Random) -> None:
    node = _node(model, draws)
    names = [t.name for t in model.graph.initializer] + ["x", ""]
    node.input.extend(draws.choice(names) for _ in range(draws.choice((1, 2, 40))))


@mutation
def no_outputs(model: onnx.ModelProto, draws: Random) -> None:
    if draws.random() < 0.5:
        del model.graph.output[:]
    else:
        del _node(model, draws).output[:]


@mutation
def cycle(model: onnx.ModelProto, draws: Random) -> None:
    first, second = _node(model, draws), _node(model, draws)
    if first.input and second.output:
        first.input[0] = second.output[0]


@mutation
def duplicate_names(model: onnx.ModelProto, draws: Random) -> None:
    things = [model.graph.node, model.graph.initializer, model.graph.input, model.graph.output]
    kind = draws.choice([t for t in things if t])
    a, b = draws.choice(list(kind)), draws.choice(list(kind))
    b.name = a.name
    if draws.random() < 0.3 and model.graph.node:
        _node(model, draws).output[:] = list(_node(model, draws).output)


@mutation
def input_is_output(model: onnx.ModelProto, draws: Random) -> None:
    if model.graph.output and model.graph.input:
        model.graph.output[0].CopyFrom(draws.choice(list(model.graph.input)))


@mutation
def weight_is_output(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    value = helper.make_tensor_value_info(tensor.name, max(tensor.data_type, 1), list(tensor.dims))
    if draws.random() < 0.5:
        model.graph.output.append(value)
    else:
        _replace(model.graph.output, [value])


@mutation
def weight_is_input(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    model.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, list(tensor.dims)))
    if draws.random() < 0.5:
        model.graph.initializer.remove(tensor)


@mutation
def more_outputs(model: onnx.ModelProto, draws: Random) -> None:
    node = _node(model, draws)
    if node.output:
        model.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))


@mutation
def declared_shapes(model: onnx.ModelProto, draws: Random) -> None:
    for node in model.graph.node:
        for name in node.output:
            shape = [draws.choice((1, 2, 3, "n", "batch", 0, 7)) for _ in range(draws.randint(0, 4))]
            model.graph.value_info.append(helper.make_tensor_value_info(name, draws.choice((1, 1, 7, 11)), shape))


# Nodes and attributes -------------------------------------------------------------------------------------------------


@mutation
def another_operator(model: onnx.ModelProto, draws: Random) -> None:
    names = sorted({schema.name for schema in onnx.defs.get_all_schemas()})
    _node(model, draws).op_type = draws.choice((*names, "", "Nonsense", "relu", "Conv\n", "ümlaut"))


@mutation
def another_domain(model: onnx.ModelProto, draws: Random) -> None:
    _node(model, draws).domain = draws.choice(("ai.onnx", "ai.onnx.ml", "com.microsoft", "ohmflow", "mine", "\n", "é"))
    if draws.random() < 0.5:
        model.opset_import.add(domain=draws.choice(("ai.onnx", "ohmflow", "mine")), version=draws.choice((1, 21)))


@mutation
def attribute_of_another_type(model: onnx.ModelProto, draws: Random) -> None:
    node = _node(model, draws)
    known = [a.name for a in node.attribute] or ["axis", "perm", "kernel_shape", "pads", "strides", "group", "alpha"]
    name = draws.choice(known)
    kept = [a for a in node.attribute if a.name != name]
    values = (1, -1, 2.5, "text", b"\xff", [1, 2], [1.5], ["a"], float("nan"), 2**62, [-1], [0] * 20)
    wrong = helper.make_attribute(name, draws.choice(values))
    if draws.random() < 0.2:
        wrong.type = draws.randint(0, 14)
    _replace(node.attribute, [*kept, wrong])


@mutation
def extreme_integers_in_attributes(model: onnx.ModelProto, draws: Random) -> None:
    with_attributes = [n for n in model.graph.node if n.attribute] or [_node(model, draws)]
    node = draws.choice(with_attributes)
    for attribute in node.attribute:
        if attribute.ints:
            k = draws.randrange(len(attribute.ints))
            attribute.ints[k] = draws.choice((*INTEGERS, *_HUGE))
        elif attribute.type == onnx.AttributeProto.INT:
            attribute.i = draws.choice(_AXES)


@mutation
def lists_of_another_length(model: onnx.ModelProto, draws: Random) -> None:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.ints and draws.random() < 0.5:
                if draws.random() < 0.5:
                    del attribute.ints[-1]
                else:
                    attribute.ints.extend([1] * draws.choice((1, 2, 7)))


@mutation
def window_attributes(model: onnx.ModelProto, draws: Random) -> None:
    windows = [n for n in model.graph.node if n.op_type in ("Conv", "MaxPool", "AveragePool")]
    node = draws.choice(windows or [_node(model, draws)])
    name = draws.choice(("kernel_shape", "strides", "pads", "dilations", "auto_pad", "group", "ceil_mode"))
    kept = [a for a in node.attribute if a.name != name]
    pick = (-1, 0, 1, 2, 3, 50, 10**4, 10**9, 2**31, 2**62)
    value: object = [draws.choice(pick) for _ in range(draws.choice((0, 1, 2, 2, 4, 4, 6)))]
    if name == "auto_pad":
        value = draws.choice(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "same", ""))
    if name in ("group", "ceil_mode"):
        value = draws.choice(pick)
    if name in ("kernel_shape", "pads", "strides", "dilations") and not value:
        return
    _replace(node.attribute, [*kept, helper.make_attribute(name, value)])


@mutation
def operator_put_between(model: onnx.ModelProto, draws: Random) -> None:
    """Any operator of the standard with one operand, in front of a node."""
    node = _node(model, draws)
    if not node.input:
        return
    kinds = (
        "Relu Softmax Transpose Flatten Identity Cast Shape Size NonZero Squeeze Dropout ReduceSum ReduceMean Softplus"
    )
    kinds += " Sqrt Log Reciprocal GlobalMaxPool LogSoftmax Neg HardSwish Gelu Elu Hardmax Einsum Mish Not IsNaN"
    kind = draws.choice(kinds.split())
    attributes: dict[str, object] = {}
    if kind in ("Softmax", "Flatten", "LogSoftmax"):
        attributes = {"axis": draws.choice(_AXES)}
    if kind == "Cast":
        attributes = {"to": draws.choice((1, 6, 7, 9, 10, 11, 16))}
    name = f"between.{draws.randrange(10**6)}"
    position = list(model.graph.node).index(node)
    new = helper.make_node(kind, [node.input[0]], [name], name, **attributes)
    node.input[0] = name
    model.graph.node.insert(position, new)


@mutation
def nodes_out_of_order(model: onnx.ModelProto, draws: Random) -> None:
    nodes = list(model.graph.node)
    draws.shuffle(nodes)
    _replace(model.graph.node, nodes)


@mutation
def strange_names(model: onnx.ModelProto, draws: Random) -> None:
    for node in model.graph.node:
        if draws.random() < 0.5:
            node.name = draws.choice(STRINGS)
    rename = {t.name: draws.choice(STRINGS) + str(k) for k, t in enumerate(model.graph.initializer)}
    if draws.random() < 0.5:
        for tensor in model.graph.initializer:
            tensor.name = rename[tensor.name]
        for node in model.graph.node:
            node.input[:] = [rename.get(name, name) for name in node.input]


@mutation
def names_of_ours(model: onnx.ModelProto, draws: Random) -> None:
    """Names that training graphs and programs use themselves."""
    ours = ("lr", "inv_batch", "label", "loss", "batch", "train_step", "infer", "program", "w.next", "x.gradient")
    for thing in (model.graph.initializer, model.graph.input):
        for value in thing:
            if draws.random() < 0.6:
                old, value.name = value.name, draws.choice(ours)
                for node in model.graph.node:
                    node.input[:] = [value.name if name == old else name for name in node.input]


# Whole graphs ---------------------------------------------------------------------------------------------------------


@mutation
def empty_graph(model: onnx.ModelProto, draws: Random) -> None:
    for field in draws.sample(("node", "input", "output", "initializer", "name"), draws.randint(1, 5)):
        model.graph.ClearField(field)


@mutation
def odd_opset(model: onnx.ModelProto, draws: Random) -> None:
    version = draws.choice((0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 22, 23, 24, 99, -1, 2**40))
    if model.opset_import and draws.random() < 0.8:
        model.opset_import[0].version = version
    else:
        model.opset_import.add(domain="", version=version)


@mutation
def odd_ir_version(model: onnx.ModelProto, draws: Random) -> None:
    model.ir_version = draws.choice((0, 1, 2, 3, 4, 8, 10, 13, 99, -1, 2**40))


@mutation
def external_data(model: onnx.ModelProto, draws: Random) -> None:
    """Initialisers, constants of nodes and of subgraphs whose numbers lie in some file."""
    tensor = _tensor(model, draws)
    if draws.random() < 0.3:
        node = model.graph.node.add(op_type="Constant", output=["outer"], name="outer")
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.ones(2, np.float32), "t")))
        tensor = node.attribute[0].t
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    places = ("../secret.bin", "/etc/hostname", "/dev/zero", "/dev/random", "/proc/self/environ", "inside.bin", ".")
    more = (
        "",
        "absent.bin",
        "link.bin",
        "pipe",
        "a\x00b",
        "sub/../../secret.bin",
        "inside.bin/",
        "~/x",
        "C:\\x",
        "//x",
    )
    tensor.external_data.add(key="location", value=draws.choice(places + more))
    for key in ("offset", "length", "checksum", "location"):
        if draws.random() < 0.3:
            values = ("0", "-1", "4", "16", "99999999999", str(2**63), "x", "", "inside.bin", "../secret.bin")
            tensor.external_data.add(key=key, value=draws.choice(values))


@mutation
def huge_constants(model: onnx.ModelProto, draws: Random) -> None:
    """Nodes on constants whose result is huge."""
    big = draws.choice(_HUGE)
    kind = draws.choice(("ConstantOfShape", "Expand", "Tile", "Range", "EyeLike", "Pad", "Resize", "Shape", "Blackman"))
    one = np.ones((1, 1), np.float32)
    match kind:
        case "ConstantOfShape":
            _append(model, kind, np.array([big, draws.choice((1, 4, 2**20))]))
        case "Expand":
            _append(model, kind, one, np.array([big, 3]))
        case "Tile":
            _append(model, kind, one, np.array([big, 2]))
        case "Range":
            _append(model, kind, np.array(0), np.array(big), np.array(1))
        case "Pad":
            _append(model, kind, one, np.array([0, 0, big, 1]))
        case "Resize":
            _append(model, kind, one, np.zeros(0, np.float32), np.zeros(0, np.float32), np.array([big, 2]))
        case "Blackman":
            _append(model, "BlackmanWindow", np.array(big))
        case _:
            _append(model, "Reshape", one, np.array([big, -1]))


@mutation
def folding_that_fails(model: onnx.ModelProto, draws: Random) -> None:
    """Nodes on constants that can not be computed, or compute what is not finite."""
    f, i = np.float32, np.int64
    choices: tuple[tuple[str, tuple[np.ndarray, ...], dict[str, object]], ...] = (
        ("Div", (np.ones(2, f), np.zeros(2, f)), {}),
        ("Div", (np.ones(2, i), np.zeros(2, i)), {}),
        ("Log", (-np.ones(3, f),), {}),
        ("Reshape", (np.ones(6, f), np.array([4, -1])), {}),
        ("Reshape", (np.ones(6, f), np.array([-1, -1])), {}),
        ("Concat", (np.ones(6, f), np.ones((2, 2), f)), {"axis": 0}),
        ("Add", (np.ones(3, f), np.ones(4, f)), {}),
        ("Gather", (np.ones(3, f), np.array([7])), {}),
        ("Slice", (np.ones(3, f), np.array([0]), np.array([9]), np.array([5])), {}),
        ("Squeeze", (np.ones((1, 2), f), np.array([1])), {}),
        ("Unsqueeze", (np.ones(2, f), np.array([9])), {}),
        ("MatMul", (np.ones((2, 3), f), np.ones((2, 3), f)), {}),
        ("Split", (np.ones(5, f), np.array([2, 2])), {}),
        ("Cast", (np.array([1e38], f),), {"to": 6}),
        ("RandomNormalLike", (np.ones(2, f),), {}),
        ("StringSplit", (np.array(["a b"], object),), {}),
        ("Sqrt", (np.array([-1.0], f),), {}),
        ("Pow", (np.array([2.0], f), np.array([1e9], f)), {}),
        ("NonZero", (np.ones(3, f),), {}),
        ("TopK", (np.ones(3, f), np.array([9])), {}),
    )
    kind, inputs, attributes = draws.choice(choices)
    _append(model, kind, *inputs, **attributes)


@mutation
def subgraphs(model: onnx.ModelProto, draws: Random) -> None:
    """If, Loop and Scan with bodies, read by the first node."""
    name = "inner"
    body = helper.make_graph(
        [helper.make_node("Relu", [draws.choice(("x", "absent", "w"))], [name], "in")],
        "body",
        [],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
    )
    kind = draws.choice(("If", "Loop", "Scan", "SequenceMap"))
    attributes: dict[str, object] = {"body": body}
    inputs = ["", ""] if kind == "Loop" else ["x"]
    if kind == "If":
        model.graph.initializer.append(numpy_helper.from_array(np.array(draws.random() < 0.5), "cond"))
        attributes, inputs = {"then_branch": body, "else_branch": body}, ["cond"]
    if kind == "Scan":
        attributes["num_scan_inputs"] = 1
    model.graph.node.insert(0, helper.make_node(kind, inputs, ["branched"], "branch", **attributes))
    if len(model.graph.node) > 1 and model.graph.node[1].input:
        model.graph.node[1].input[0] = "branched"


@mutation
def deep_nesting(model: onnx.ModelProto, draws: Random) -> None:
    """If in If in If; protobuf itself reads a hundred levels."""
    graph = model.graph
    for level in range(draws.choice((5, 15, 25, 60))):
        node = graph.node.add(op_type="If", input=["cond"], output=[f"o{level}"], name=f"if{level}")
        for branch in ("else_branch", "then_branch"):
            attribute = node.attribute.add(name=branch, type=onnx.AttributeProto.GRAPH)
            attribute.g.name = branch
            attribute.g.output.append(helper.make_tensor_value_info(f"o{level + 1}", TensorProto.FLOAT, None))
            graph = attribute.g
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "cond"))


@mutation
def functions(model: onnx.ModelProto, draws: Random) -> None:
    """Local functions: without body, that call themselves or each other, that double at every level."""
    model.opset_import.add(domain="loc", version=1)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("loc", 1)]
    kind = draws.choice(("self", "mutual", "empty", "doubling", "shadow", "twice", "attributes"))
    calls = {"self": [["f0"]], "mutual": [["f1"], ["f0"]], "empty": [[]], "twice": [["Relu"]]}.get(kind, [["Relu"]])
    if kind == "doubling":
        calls = [[f"f{k + 1}", f"f{k + 1}"] for k in range(draws.choice((3, 12, 24)))] + [["Relu"]]
    for k, callees in enumerate(calls):
        nodes, value = [], "a"
        for j, callee in enumerate(callees):
            domain = "" if callee == "Relu" else "loc"
            nodes.append(helper.make_node(callee, [value], [f"b{j}"], domain=domain))
            value = f"b{j}"
        model.functions.append(helper.make_function("loc", f"f{k}", ["a"], [value], nodes, opsets))
    if kind == "twice":
        model.functions.append(model.functions[-1])
    if kind == "shadow":
        model.functions.append(
            helper.make_function("", "Relu", ["a"], ["b"], [helper.make_node("Tanh", ["a"], ["b"])], opsets[:1])
        )
    if kind == "attributes":
        inner = helper.make_node("Flatten", ["a"], ["b"])
        inner.attribute.add(name="axis", ref_attr_name=draws.choice(("q", "")), type=onnx.AttributeProto.INT)
        model.functions.append(helper.make_function("loc", "g", ["a"], ["b"], [inner], opsets, ["q"]))
    name = "g" if kind == "attributes" else "f0"
    first = _node(model, draws)
    if first.input:
        position = list(model.graph.node).index(first)
        call = helper.make_node(name, [first.input[0]], ["called"], "call", domain="loc")
        first.input[0] = "called"
        model.graph.node.insert(position, call)


@mutation
def sparse_weights(model: onnx.ModelProto, draws: Random) -> None:
    tensor = _tensor(model, draws)
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(2, np.float32), tensor.name))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.array([0, draws.choice((1, -1, 2**40))]), "i"))
    sparse.dims.extend([draws.choice((4, 2**40)), 3])
    if draws.random() < 0.5:
        model.graph.initializer.remove(tensor)


@mutation
def training_information(model: onnx.ModelProto, draws: Random) -> None:
    info = model.training_info.add()
    info.algorithm.CopyFrom(model.graph)
    info.initialization.name = "i"
    info.initialization_binding.add(key="absent", value="w")


@mutation
def long_chain(model: onnx.ModelProto, draws: Random) -> None:
    """A row of nodes in front of the first one that reads x."""
    value = "x"
    kind = draws.choice(("Relu", "Identity", "Neg", "Tanh"))
    length = draws.choice((20, 100, 200))
    for k in range(length):
        model.graph.node.insert(k, helper.make_node(kind, [value], [f"chain{k}"], f"chain{k}"))
        value = f"chain{k}"
    for node in list(model.graph.node)[length:]:
        node.input[:] = [value if name == "x" else name for name in node.input]


@mutation
def shared_weights(model: onnx.ModelProto, draws: Random) -> None:
    names = [t.name for t in model.graph.initializer]
    for node in model.graph.node:
        for k, name in enumerate(node.input):
            if name in names and draws.random() < 0.4:
                node.input[k] = draws.choice(names)


@mutation
def computed_operands(model: onnx.ModelProto, draws: Random) -> None:
    """What should be a constant (a shape, axes, bounds, a ratio) is computed from the input."""
    node = _node(model, draws)
    if len(node.input) > 1:
        node.input[draws.randrange(1, len(node.input))] = model.graph.input[0].name if model.graph.input else "x"
