"""Array extraction: what becomes an array, what stays digital, and that the meaning is kept."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ohmflow.compiler.arrays import ArrayGraph, ArrayInfo, extract_arrays, inline_reference
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model

Run = Callable[[onnx.ModelProto | ir.Model, Mapping[str, Any]], list[np.ndarray]]


def parse(body: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>\n{body}')


def weight(name: str, *shape: int, seed: int = 1) -> str:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    text = ", ".join(repr(float(value)) for value in values.ravel())
    return f"float[{','.join(map(str, shape))}] {name} = {{{text}}}"


def extract(body: str, digital: tuple[str, ...] = ()) -> ArrayGraph:
    return extract_arrays(load_model(parse(body)), digital)


def ops(graph: ArrayGraph) -> list[str]:
    return [node.op_type for node in graph.model.graph]


def held(graph: ArrayGraph, name: str) -> np.ndarray:
    value = graph.model.graph.initializers[name].const_value
    assert value is not None
    return value.numpy()


EXTRACTED = {
    "matmul": ("[batch,3]", "[batch,2]", weight("w", 3, 2), "y = MatMul(x, w)", ["mvm"], False),
    "matmul with positions": ("[batch,5,3]", "[batch,5,2]", weight("w", 3, 2), "y = MatMul(x, w)", ["mvm"], False),
    "transposed weight": (
        "[batch,3]",
        "[batch,2]",
        weight("w", 2, 3),
        "t = Transpose<perm=[1,0]>(w)  y = MatMul(x, t)",
        ["mvm"],
        True,
    ),
    "weight transposed by default": (
        "[batch,3]",
        "[batch,2]",
        weight("w", 2, 3),
        "t = Transpose(w)  y = Gemm(x, t)",
        ["mvm"],
        True,
    ),
    "weight transposed twice": (
        "[batch,3]",
        "[batch,2]",
        weight("w", 3, 2),
        "t = Transpose(w)  y = Gemm<transB=1>(x, t)",
        ["mvm"],
        False,
    ),
    "left weight": (
        "[batch,3,4]",
        "[batch,2,4]",
        weight("w", 2, 3),
        "y = MatMul(w, x)",
        ["Transpose", "mvm", "Transpose"],
        True,
    ),
    "gemm": ("[batch,3]", "[batch,2]", weight("w", 3, 2), "y = Gemm(x, w)", ["mvm"], False),
    "gemm with bias": (
        "[batch,3]",
        "[batch,2]",
        weight("w", 2, 3) + ", " + weight("c", 2),
        "y = Gemm<transB=1>(x, w, c)",
        ["mvm", "Add"],
        True,
    ),
    "gemm with factors": (
        "[batch,3]",
        "[batch,2]",
        weight("w", 2, 3) + ", " + weight("c", 1, 2),
        "y = Gemm<transB=1, alpha=0.5, beta=2.0>(x, w, c)",
        ["mvm", "Mul", "Mul", "Add"],
        True,
    ),
}


@pytest.mark.parametrize(
    ("before", "after", "stored", "body", "expected", "transposed"), EXTRACTED.values(), ids=EXTRACTED
)
def test_extraction_keeps_the_meaning(
    run: Run, before: str, after: str, stored: str, body: str, expected: list[str], transposed: bool
) -> None:
    text = f"g (float{before} x) => (float{after} y) <{stored}> {{ {body} }}"
    graph = extract(text)
    assert ops(graph) == expected and graph.digital == ()
    (info,) = graph.arrays
    assert (info.name, info.initializer, info.transposed) == ("w", "w", transposed)
    assert held(graph, "w").shape == (info.rows, info.cols)
    assert [value.name for value in graph.model.graph.outputs] == ["y"]
    shape = [2 if dim == "batch" else int(dim) for dim in before.strip("[]").split(",")]
    feeds = {"x": np.random.default_rng(2).normal(size=shape).astype(np.float32)}
    plain = run(parse(text), feeds)[0]
    # The same float32 products, possibly summed in another order.
    np.testing.assert_allclose(run(inline_reference(graph.model), feeds)[0], plain, rtol=1e-5, atol=1e-6)
    # ONNX Runtime also runs the functions as they are.
    np.testing.assert_allclose(run(graph.model, feeds)[0], plain, rtol=1e-5, atol=1e-6)


DIGITAL = {
    "asked": (
        "[batch,3]",
        weight("w", 3, 2),
        "y = MatMul(x, w)",
        ("MatMul.y", "it was asked to stay digital"),
    ),
    "rank 3": (
        "[batch,4,3]",
        weight("w", 1, 3, 2),
        "y = MatMul(x, w)",
        ("MatMul.y", "no operand is a trainable initialiser of rank 2"),
    ),
    "constant node": (
        "[batch,1]",
        weight("b", 2),
        "c = Constant<value=float[1,2] {1.0, 2.0}>()  a = MatMul(x, c)  y = Add(a, b)",
        ("MatMul.a", "no operand is a trainable initialiser of rank 2"),
    ),
    "two weights": (
        "[batch,2]",
        weight("v", 1, 3) + ", " + weight("w", 3, 2),
        "a = MatMul(v, w)  y = Mul(x, a)",
        ("MatMul.a", "both operands are weights"),
    ),
    "transA": (
        "[batch,2]",
        weight("v", 3, 1) + ", " + weight("w", 3, 2),
        "a = Gemm<transA=1>(v, w)  y = Mul(x, a)",
        ("Gemm.a", "transA = 1 multiplies by the transposed input"),
    ),
    "no batch": (
        "[batch,2]",
        weight("v", 1, 3) + ", " + weight("w", 3, 2),
        "t = Tanh(v)  a = MatMul(t, w)  y = Mul(x, a)",
        ("MatMul.a", "its input does not depend on the batch"),
    ),
    "left weight without batch": (
        "[batch,2]",
        weight("v", 2, 3) + ", " + weight("w", 1, 2),
        "t = Tanh(v)  a = MatMul(w, t)  s = Constant<value=float[3,2] {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}>()"
        "  b = MatMul(a, s)  y = Mul(x, b)",
        ("MatMul.a", "its right operand is not a batch of matrices"),
    ),
    "shared with an addition": (
        "[batch,2,2]",
        weight("w", 2, 2),
        "a = MatMul(x, w)  y = Add(a, w)",
        ("MatMul.a", "its weight 'w' is also used by node 'Add.y'"),
    ),
    "shared through a transpose": (
        "[batch,2,2]",
        weight("w", 2, 2),
        "a = MatMul(x, w)  t = Transpose(w)  y = Add(a, t)",
        ("MatMul.a", "its weight 'w' is also used by node 'Add.y'"),
    ),
}


@pytest.mark.parametrize(("before", "stored", "body", "reason"), DIGITAL.values(), ids=DIGITAL)
def test_what_stays_digital_says_why(before: str, stored: str, body: str, reason: tuple[str, str]) -> None:
    after = {"MatMul.y": "[batch,2]"}.get(reason[0], "[batch,2]" if before == "[batch,1]" else before)
    after = "[batch,4,2]" if before == "[batch,4,3]" else after
    graph = extract(
        f"g (float{before} x) => (float{after} y) <{stored}> {{ {body} }}",
        digital=("MatMul.y",) * (before == "[batch,3]"),
    )
    assert graph.arrays == ()
    assert graph.digital[0] == reason
    assert "mvm" not in ops(graph)


def test_one_initialiser_read_twice_is_one_array_with_two_sites() -> None:
    graph = extract(
        f"g (float[batch,3] x) => (float[batch,3] y) <{weight('w', 3, 3)}>"
        "{ a = Gemm<transB=1>(x, w)  t = Transpose(w)  y = MatMul(a, t) }"
    )
    assert graph.arrays == (ArrayInfo("w", "w", True, 3, 3, ("Gemm.a", "MatMul.y")),)
    sites = [(node.attributes["array"].as_string(), node.attributes["site"].as_int()) for node in graph.model.graph]
    assert sites == [("w", 0), ("w", 1)]
    assert [node.name for node in graph.model.graph] == ["Gemm.a", "MatMul.y"]


def test_one_initialiser_read_both_ways_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        extract(
            f"g (float[batch,3] x) => (float[batch,3] y) <{weight('w', 3, 3)}>"
            "{ a = MatMul(x, w)  y = Gemm<transB=1>(a, w) }"
        )
    assert str(caught.value) == (
        "model: node 'Gemm.y': weight 'w' must be read in one orientation, not transposed to how node "
        "'MatMul.a' reads it; "
        "give one of the two nodes a copy of the weight"
    )


def test_array_names_are_legal_and_unique() -> None:
    proto = parse(
        f"g (float[batch,2] x) => (float[batch,2] y) <{weight('w1', 2, 2)}, {weight('w2', 2, 2)}, {weight('w3', 2, 2)}>"
        "{ a = MatMul(x, w1)  b = MatMul(a, w2)  y = MatMul(b, w3) }"
    )
    names = {"w1": "onnx::MatMul_1", "w2": "onnx__MatMul_1", "w3": "3rd/weight"}
    for tensor in proto.graph.initializer:
        tensor.name = names[tensor.name]
    for node in proto.graph.node:
        node.input[1] = names[node.input[1]]
    graph = extract_arrays(load_model(proto))
    assert [(info.name, info.initializer) for info in graph.arrays] == [
        ("onnx__MatMul_1_2", "onnx::MatMul_1"),
        ("onnx__MatMul_1", "onnx__MatMul_1"),
        ("_3rd_weight", "3rd/weight"),
    ]
    assert set(graph.model.graph.initializers) == {"onnx__MatMul_1_2", "onnx__MatMul_1", "_3rd_weight"}


def test_the_source_model_is_not_changed() -> None:
    model = load_model(
        parse(f"g (float[batch,3] x) => (float[batch,2] y) <{weight('w', 2, 3)}> {{ y = Gemm<transB=1>(x, w) }}")
    )
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    extract_arrays(model)
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before
