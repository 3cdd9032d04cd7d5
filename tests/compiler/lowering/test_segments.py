"""Digital segments: pieces that never wait for themselves, and hold every digital node once."""

from collections import Counter

import networkx as nx
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.arrays.work import node_work
from ohmflow.compiler.autodiff.training import inference_graph, training_graph
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.lowering.segments import Segment, cut_segments, node_kind
from tests.compiler.lowering.random_graphs import models

quick = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def graph_of(nodes: list[ir.Node]) -> "nx.DiGraph[ir.Node]":
    graph: nx.DiGraph[ir.Node] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for node in nodes:
        graph.add_edges_from((v.producer(), node) for v in node.inputs if v is not None and v.producer() in graph)
    return graph


def cut_training(model: onnx.ModelProto) -> tuple[list[ir.Node], list[Segment], dict[ir.Node, str], set[ir.Value]]:
    """Cut a training graph, its nodes in three phases by what they lead to."""
    training = training_graph(extract_arrays(load_model(model)), "mse", "random")
    graph = training.model.graph
    nodes = [n for n in graph if n.op_type != "update"]
    needed = {v for n in graph if n.op_type == "update" for v in n.inputs[1:3] if v is not None} | set(graph.outputs)
    loss = next(v for v in graph.outputs if v.name == training.loss)
    whole = graph_of(nodes)
    producer = loss.producer()
    assert producer is not None
    forward = nx.ancestors(whole, producer) | {producer}
    phases = {}
    for node in nodes:
        rowed = any(not isinstance(v.shape[0], int) for v in node.outputs if v.shape)
        phases[node] = "forward" if node in forward else "backward" if rowed else "update"
    return nodes, cut_segments(nodes, phases, needed, "random")[0], phases, needed


@quick
@given(models())
def test_every_digital_node_is_in_one_segment_of_its_kind_and_phase(model: onnx.ModelProto) -> None:
    nodes, segments, phases, _ = cut_training(model)
    held = Counter(id(n) for s in segments for n in s.nodes)
    assert held == Counter(id(n) for n in nodes if n.domain != "ohmflow")
    for segment in segments:
        assert {phases[n] for n in segment.nodes} == {segment.phase}
        assert {node_kind(n, "random") for n in segment.nodes} == {segment.kind}


@quick
@given(models())
def test_no_segment_waits_for_itself(model: onnx.ModelProto) -> None:
    nodes, segments, _, _ = cut_training(model)
    owner: dict[ir.Node, object] = {n: n for n in nodes} | {n: id(s) for s in segments for n in s.nodes}
    pieces: nx.DiGraph[object] = nx.DiGraph()
    pieces.add_edges_from((owner[a], owner[b]) for a, b in graph_of(nodes).edges if owner[a] != owner[b])
    assert nx.is_directed_acyclic_graph(pieces)  # so every segment is convex, and all have an order
    order = {id(s): k for k, s in enumerate(segments)}
    for a, b in nx.transitive_closure(pieces).edges:
        if a in order and b in order:
            assert order[a] < order[b]  # type: ignore[index]


@quick
@given(models())
def test_ports_are_what_crosses_the_border_of_a_segment(model: onnx.ModelProto) -> None:
    nodes, segments, _, needed = cut_training(model)
    for segment in segments:
        inside = set(segment.nodes)
        made = {v for n in inside for v in n.outputs}
        read = {v for n in inside for v in n.inputs if v is not None}
        assert set(segment.inputs) <= read - made
        assert all(v.producer() is None for v in read - made - set(segment.inputs))  # the rest are constants
        leaving = {v for n in nodes if n not in inside for v in n.inputs if v is not None} | needed
        assert set(segment.outputs) == made & leaving
        assert len(set(segment.inputs)) == len(segment.inputs)


def test_an_elementwise_chain_is_one_segment() -> None:
    model = extract_arrays(
        load_model(
            onnx.parser.parse_model(
                '<ir_version: 10, opset_import: ["" : 21]> g (float[batch,2] x) => (float[batch,2] y) '
                "<float[2,2] w = {1,0,0,1}> { a = Relu(x) b = Tanh(a) c = MatMul(b, w) d = Relu(c) y = Add(d, a) }"
            )
        )
    )
    nodes = list(inference_graph(model).graph)
    segments, stage = cut_segments(nodes, dict.fromkeys(nodes, "forward"), {nodes[-1].outputs[0]}, "g")
    assert [[n.op_type for n in s.nodes] for s in segments] == [["Relu", "Tanh"], ["Relu", "Add"]]
    assert sorted(stage.values()) == [0, 0, 1, 2, 2]


def nodes_of(text: str) -> list[ir.Node]:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]> {text}')
    return list(ir.from_proto(onnx.shape_inference.infer_shapes(proto, strict_mode=True)).graph)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("(float[batch,4] x) => (float[batch,4] y) { y = Softmax<axis=1>(x) }", "row"),
        ("(float[batch,4] x) => (float[batch,4] y) { y = Softmax(x) }", "row"),
        ("(float[batch,4] x, float[4] b) => (float[batch,4] y) { y = Add(x, b) }", "row"),
        ("(float[batch,4] x) => (float[4] y) <int64[1] a = {0}> { y = ReduceSum<keepdims=0>(x, a) }", "batch"),
        ("(float[4] x) => (float[4] y) { y = Relu(x) }", "batch"),
    ],
)
def test_a_node_is_of_a_kind(body: str, kind: str) -> None:
    assert node_kind(nodes_of(f"g {body}")[0], "g") == kind


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("(float[batch,4] x) => (float[batch,4] y) { y = Softmax<axis=0>(x) }", "axis of Softmax"),
        ("(float[batch,4] x) => (float[batch,4] y) { y = LogSoftmax<axis=-2>(x) }", "axis of LogSoftmax"),
        ("(float[batch,4] x) => (float[4,batch] y) { y = Transpose<perm=[1,0]>(x) }", "Transpose"),
    ],
)
def test_a_node_that_mixes_samples_is_refused(body: str, names: str) -> None:
    with pytest.raises(UnsupportedError, match=names) as caught:
        node_kind(nodes_of(f"g {body}")[0], "model.onnx")
    assert caught.value.exit_status == 3
    assert str(caught.value).startswith("model.onnx: node ")


@pytest.mark.parametrize(
    ("body", "work"),
    [
        ("(float[batch,4] x) => (float[batch,4] y) { y = Relu(x) }", ("simple", 4)),
        ("(float[batch,4] x) => (float[batch,4] y) { y = Tanh(x) }", ("special", 4)),
        ("(float[batch,4] x, float[4] b) => (float[batch,4] y) { y = Add(x, b) }", ("simple", 4)),
        ("(float[batch,4] x, float[4,3] w) => (float[batch,3] y) { y = MatMul(x, w) }", ("simple", 24)),
        ("(float[batch,2,3] x) => (float[batch,6] y) { y = Flatten(x) }", None),
        ("(float[batch,4] x) => (float[4] y) <int64[1] a = {0}> { y = ReduceSum<keepdims=0>(x, a) }", ("simple", 4)),
        ("(float[4,3] a, float[4,2] b) => (float[3,2] y) { y = Gemm<transA=1>(a, b) }", ("simple", 2 * 6 * 4)),
        # 2 outputs of 4 x 4, each a sum of 3 channels x 3 x 3 products.
        (
            "(float[batch,3,6,6] x, float[2,3,3,3] w) => (float[batch,2,4,4] y) { y = Conv<kernel_shape=[3,3]>(x, w) }",
            ("simple", 2 * 32 * 27),
        ),
        # In two groups, each output sees half of the channels.
        (
            "(float[batch,4,6] x, float[2,2,3] w) => (float[batch,2,4] y) { y = Conv<group=2>(x, w) }",
            ("simple", 2 * 8 * 6),
        ),
        # The same products as the Conv whose input's gradient it is.
        (
            "(float[batch,2,4,4] g, float[2,3,3,3] w) => (float[batch,3,6,6] y) { y = ConvTranspose(g, w) }",
            ("simple", 2 * 32 * 27),
        ),
        (
            "(float[batch,2,6,6] x) => (float[batch,2,3,3] y) { y = MaxPool<kernel_shape=[2,2],strides=[2,2]>(x) }",
            ("simple", 18 * 4),
        ),
        (
            "(float[batch,2,6] x) => (float[batch,2,4] y) { y = AveragePool<kernel_shape=[3]>(x) }",
            ("simple", 8 * 3),
        ),
        ("(float[batch,2,3,3] x) => (float[batch,2,1,1] y) { y = GlobalAveragePool(x) }", ("simple", 18)),
        (
            "(float[batch,6] x) => (float[batch,1] y) <int64[1] a = {1}> { y = ReduceMean<keepdims=1>(x, a) }",
            ("simple", 6),
        ),
        (
            "(float[batch,9] z, int64[batch,4] i, float[batch,4] u) => (float[batch,9] y) "
            '{ y = ScatterElements<axis=1, reduction="add">(z, i, u) }',
            ("simple", 4),
        ),
        ("(float[batch,9] x, int64[2] i) => (float[batch,2] y) { y = Gather<axis=1>(x, i) }", ("simple", 2)),
        ("(float[batch,2] x, float[batch,3] z) => (float[batch,5] y) { y = Concat<axis=1>(x, z) }", ("simple", 5)),
        (
            "(float[batch,2,3] x, float[2] s) => (float[batch,2,3] y) { y = BatchNormalization(x, s, s, s, s) }",
            ("simple", 12),
        ),
        ("(float[batch,4] x) => (float[batch,4] y) { y = Gelu(x) }", ("special", 4)),
        ("(float[batch,1,4] x) => (float[batch,4] y) <int64[1] a = {1}> { y = Squeeze(x, a) }", None),
        ("(float[batch,4] x) => (float[batch,4] y) { y = Dropout(x) }", None),
    ],
)
def test_work_counts_the_elements_of_a_row(body: str, work: tuple[str, int] | None) -> None:
    assert node_work(nodes_of(f"g {body}")[0]) == work
