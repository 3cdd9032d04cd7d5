"""Where each node goes, why, and what of its work stays digital; numbers are counted by hand from the shapes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ohmflow.compiler.autodiff.registry import operators
from ohmflow.compiler.compile import CompileOptions
from ohmflow.compiler.errors import ModelError
from ohmflow.compiler.explain import explain
from ohmflow.compiler.explain.explanation import Explanation, NodeRow
from ohmflow.compiler.frontend.near_operators import NEAR
from ohmflow.targets.registry import load

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"


def model(body: str, opset: int = 21, **weights: tuple[int, ...]) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{body}')
    for name, shape in weights.items():
        proto.graph.initializer.append(numpy_helper.from_array(np.full(shape, 0.1, np.float32), name))
    return proto


def explained(proto: onnx.ModelProto | Path, target: str = "ideal", **options: object) -> Explanation:
    told, error = explain(proto, load(target), CompileOptions(**options))  # type: ignore[arg-type]
    assert error is None
    return told


def rows(told: Explanation) -> dict[str, NodeRow]:
    return {row.node: row for row in told.nodes}


def test_lenet_by_hand() -> None:
    told = explained(EXAMPLES / "lenet5.onnx", "protonic-psg", optimizer="adam")
    nodes = rows(told)
    conv = nodes["conv2"]
    # 10 x 10 positions of 16 kernels of 6 x 5 x 5
    assert (conv.fate, conv.macs, conv.weights, conv.parameters) == ("array", 100 * 16 * 150, 16 * 150, 16)
    assert conv.operations == 1600, "the bias is added on a vector unit"
    assert conv.trained_by == ("rule sgd", "optimiser adam")
    (place,) = conv.arrays
    assert (place.name, place.rows, place.cols, place.blocks, place.tiles) == ("conv2.weight", 150, 16, 1, (0,))
    assert (nodes["relu1"].fate, nodes["relu1"].operations, nodes["relu1"].trained_by) == ("digital", 6 * 28 * 28, ())
    assert nodes["flatten"].operations == 0
    assert list(nodes) == [n.name for n in onnx.load(EXAMPLES / "lenet5.onnx").graph.node]
    assert told.weights == 150 + 2400 + 48000 + 10080 + 840 and told.parameters == 6 + 16 + 120 + 84 + 10
    digital = told.operations
    assert told.digital_share == pytest.approx(digital / (digital + 2 * told.macs("array")))


def test_blocks_are_counted_on_small_tiles() -> None:
    target = load("rpu-2016", {"tile.crossbar.rows": "64", "tile.crossbar.cols": "64"})
    told, _ = explain(EXAMPLES / "digits_mlp.onnx", target)
    assert [row.arrays[0].blocks for row in told.nodes if row.arrays] == [4, 8, 2]


def test_every_fate_has_its_reason() -> None:
    proto = model(
        """g (float[n,2,6] x) => (float[n,4] y) {
        k = Constant<value_ints=[-1]>()  z = Constant<value_ints=[0]>()  s = Concat<axis=0>(z, k)
        p, q = Split<axis=2, num_outputs=2>(x)  j = Concat<axis=1>(q, p)  unused = Relu(j)  r = Reshape(j, s)
        i = Identity(r)  o = Dropout(i)  m = Mul(o, gain)  y = MatMul(m, w) }""",
        w=(12, 4),
        gain=(12,),
    )
    assert [(row.node, row.fate, row.why) for row in explained(proto).nodes] == [
        ("Constant.k", "folded", "it is a constant"),
        ("Constant.z", "folded", "it is a constant"),
        ("Concat.s", "folded", "all that it reads is constant, so it is computed when compiling"),
        ("Split.p", "digital", "it chooses elements: a Slice for each part"),
        ("Concat.j", "digital", "it has no weights"),
        ("Relu.unused", "removed", "no output of the model depends on it"),
        ("Reshape.r", "digital", "it only renames elements, and takes no time"),
        ("Identity.i", "removed", "it passes its input on as it is"),
        ("Dropout.o", "removed", "it is off: it has no training_mode, or drops nothing"),
        ("Mul.m", "digital", "its parameters work element by element, not as a matrix"),
        ("MatMul.y", "array", "samples meet the trained weight 'w'"),
    ]


def test_groups_on_arrays_are_one_row_with_an_array_each() -> None:
    proto = model(
        "g (float[n,4,6,6] x) => (float[n,3] y) { c = Conv<group=2>(x, w)  f = Flatten(c)  y = MatMul(f, u) }",
        w=(6, 2, 3, 3),
        u=(96, 3),
    )
    row = rows(explained(proto))["Conv.c"]
    assert [(a.name, a.rows, a.cols) for a in row.arrays] == [("w.g0", 18, 3), ("w.g1", 18, 3)]
    assert (row.macs, row.weights) == (16 * 6 * 18, 108)
    assert row.why == "samples meet the trained weight 'w', an array for each of its 2 groups"


def test_groups_that_stay_digital_say_how_many_cycles_either_way_takes() -> None:
    proto = model(
        "g (float[n,4,6,6] x) => (float[n,3] y) { c = Conv<group=2>(x, w)  f = Flatten(c)  y = MatMul(f, u) }",
        w=(6, 2, 3, 3),
        u=(96, 3),
    )
    told = explained(proto, "protonic-psg")
    row = rows(told)["Conv.c"]
    assert row.fate == "digital" and row.why.startswith("its 2 groups would take ")
    assert (row.macs, row.parameters, row.trained_by) == (16 * 6 * 18, 108, ("optimiser sgd",))
    assert told.macs("digital") == row.macs


def test_running_statistics_are_no_parameters() -> None:
    told = explained(EXAMPLES / "resnet_small.onnx")
    assert rows(told)["stem.norm"].parameters == 16
    assert told.parameters == sum(row.parameters for row in told.nodes)


def test_a_weight_that_two_nodes_read_counts_once() -> None:
    proto = model("g (float[n,4] x) => (float[n,4] y) { a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, w) }", w=(4, 4))
    told = explained(proto)
    assert told.weights == 16 and told.macs("array") == 32
    assert rows(told)["MatMul.a"].why == "samples meet the trained weight 'w', which 2 nodes read"


def test_constants_that_an_opset_conversion_adds_have_no_row() -> None:
    proto = model(
        "g (float[n,4] x) => (float[n,3] y) { u = Unsqueeze<axes=[1]>(x)  s = Squeeze<axes=[1]>(u)  y = MatMul(s, w) }",
        opset=11,
        w=(4, 3),
    )
    assert list(rows(explained(proto))) == ["Unsqueeze.u", "Squeeze.s", "MatMul.y"]


def test_all_offending_nodes_are_told_with_what_is_missing_and_what_works() -> None:
    proto = model(
        """g (float[n,4] x) => (float[n,4] y) { a = Celu(x)  r = Relu(a)  h = Hardmax(r)  t = Transpose<perm=[1,0]>(x)
        s = Softmax<axis=0>(x)  u = Add(h, s)  v = MatMul(u, t)  y = Relu(v) }"""
    )
    told, error = explain(proto, load("ideal"))
    assert [(refusal.node, refusal.missing, refusal.instead) for refusal in told.refusals] == [
        ("Celu.a", "operator must be one that docs/operators.md lists, not Celu", "replace it, nearest to it is Elu"),
        (
            "Hardmax.h",
            "operator must be one that docs/operators.md lists, not Hardmax",
            "replace it, nearest to it is Softmax",
        ),
        ("Transpose.t", "perm must keep the batch first, not [1, 0]", "permute within each sample"),
        ("Softmax.s", "axis must be another dimension than the batch, not 0", "normalise within each sample"),
    ]
    fates = {row.node: row.fate for row in told.nodes}
    assert fates["Softmax.s"] == "refused" and fates["MatMul.v"] == fates["Relu.r"] == "undecided"
    assert getattr(error, "exit_status", None) == 3
    assert str(error) == "\n".join(refusal.sentence for refusal in told.refusals)


def test_a_model_that_does_not_fit_is_explained_without_tiles() -> None:
    target = load("rpu-2016", {"chip.mesh": "1 x 1", "tile.crossbar.rows": "32", "tile.crossbar.cols": "32"})
    told, error = explain(EXAMPLES / "lenet5.onnx", target)
    assert getattr(error, "exit_status", None) == 3 and told.tiles is None
    (refusal,) = told.refusals
    assert refusal.node is None and refusal.missing.startswith("target rpu-2016: the model must fit its ")
    assert rows(told)["fc1"].arrays[0].blocks == 13 * 4 and rows(told)["fc1"].arrays[0].tiles == ()


def test_what_is_no_sound_model_is_an_error_and_no_explanation(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        explain(tmp_path / "m.onnx", load("ideal"))


@pytest.mark.parametrize("op_type", NEAR)
def test_what_is_offered_instead_of_an_operator_is_supported(op_type: str) -> None:
    assert onnx.defs.has(op_type) and op_type not in operators()
    assert set(NEAR[op_type]) <= set(operators())
