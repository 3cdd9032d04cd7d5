"""`ohmflow compile --explain`: a table on standard output, whether the model compiles or not."""

import json
from pathlib import Path

import onnx
import pytest

from tests.end_to_end.models import Layer, network
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return network(4, Layer("gemm", 6), Layer("relu"), Layer("matmul", 3)).write(tmp_path / "small.onnx")


def test_the_table_has_a_line_for_each_node_and_the_sums(shell: Runner, model: Path) -> None:
    said = shell("compile", model, "-t", "rpu-2016", "--explain").splitlines()
    assert said[0] == "small.onnx for rpu-2016"
    assert [line.split()[:2] for line in said[2:5]] == [["n0", "Gemm"], ["n1", "Relu"], ["n2", "MatMul"]]
    assert "array w0, 4 × 6, 1 block on tile 0" in said[2] and "rule sgd, optimiser sgd" in said[2]
    # 24 + 18 products; 6 biases and 6 elements of the Relu
    assert said[-1] == (
        "42 weights on arrays, 6 digital parameters, on 1 tile. One sample forward: 42 multiply-accumulates on arrays, "
        "0 digital, and 12 other digital operations: 12.5 % of the work stays digital."
    )


def test_json_holds_the_same(shell: Runner, model: Path) -> None:
    told = json.loads(shell("compile", model, "-t", "rpu-2016", "--explain", "--json"))
    assert [node["fate"] for node in told["nodes"]] == ["array", "digital", "array"]
    assert told["nodes"][0]["arrays"] == [{"name": "w0", "rows": 4, "cols": 6, "blocks": 1, "tiles": [0]}]
    assert (told["macs_on_arrays"], told["macs_digital"], told["digital_share"]) == (42, 0, 0.125)
    assert told["refusals"] == []


def test_a_refused_model_is_explained_and_ends_with_status_3(shell: Runner, tmp_path: Path) -> None:
    body = "g (float[n,4] x) => (float[n,4] y) { a = Celu(x)  r = Relu(a)  y = Hardmax(r) }"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 21]>{body}')
    onnx.save(proto, tmp_path / "hard.onnx")
    done = shell.finish("compile", tmp_path / "hard.onnx", "-t", "ideal", "--explain")
    assert done.status == 3 and done.out.count("refused") == 3  # twice a node, once that others are
    assert [line.partition("must")[0] for line in done.err.splitlines()] == [
        "error: hard.onnx: node 'Celu.a': operator ",
        "hard.onnx: node 'Hardmax.y': operator ",
    ]
    done = shell.finish("compile", tmp_path / "hard.onnx", "-t", "ideal", "--explain", "--json")
    assert done.status == 3
    assert [refusal["node"] for refusal in json.loads(done.out)["refusals"]] == ["Celu.a", "Hardmax.y"]


def test_explaining_writes_nothing(shell: Runner, model: Path) -> None:
    shell("compile", model, "-t", "ideal", "--explain")
    assert [path.name for path in model.parent.iterdir()] == ["small.onnx"]
