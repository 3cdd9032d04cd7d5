"""Write lstm.onnx: a long short-term memory that reads grey images of 28 × 28 row by row.

The cell of Hochreiter and Schmidhuber 1997 (10.1162/neco.1997.9.8.1735) with a forget gate (Gers et al. 2000,
10.1162/089976600300015015), unrolled over the rows: at every time step two arrays are read, that of the row and that
of the state, each with 28 sites; then 10 classes are read from the last state. Of N state numbers, 64 by default,
gates are computed as i, f, g, o = σ, σ, tanh, σ of x·W + h·R + b, then c ← f·c + i·g and h ← o·tanh(c).
Kernels are drawn uniformly in ±1/√N. Run it from anywhere: `python examples/models/make_recurrent.py [file]`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 19971115
STEPS, ROW, WIDTH, CLASSES = 28, 28, 64, 10
GATES = (("i", "Sigmoid"), ("f", "Sigmoid"), ("g", "Tanh"), ("o", "Sigmoid"))


def build(steps: int = STEPS) -> onnx.ModelProto:
    """Return the model: input `image` [batch, steps, 28], output `logits` [batch, 10]."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def store(name: str, values: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(values, name))
        return name

    def draw(name: str, *shape: int) -> str:
        bound = 1.0 / np.sqrt(WIDTH)
        return store(name, rng.uniform(-bound, bound, shape).astype(np.float32))

    def add(kind: str, inputs: list[str], name: str, result: str | None = None, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [result or f"{name}.out"], name, **attributes))
        return result or f"{name}.out"

    def ints(name: str, value: int) -> str:
        return store(name, np.array([value], np.int64))

    of_row, of_state = draw("row.weight", ROW, 4 * WIDTH), draw("state.weight", WIDTH, 4 * WIDTH)
    bias = draw("bias", 4 * WIDTH)
    axis = ints("axis", 1)
    bounds = [ints(f"gate{k}", k * WIDTH) for k in range(5)]
    starts = [ints(f"time{t}", t) for t in range(steps + 1)]
    state = memory = ""
    for t in range(steps):
        name = f"step{t}"
        row = add("Slice", ["image", starts[t], starts[t + 1], axis], f"{name}.slice")
        row = add("Squeeze", [row, axis], f"{name}.row")
        gates = add("MatMul", [row, of_row], f"{name}.from_row")
        if state:
            gates = add("Add", [gates, add("MatMul", [state, of_state], f"{name}.from_state")], f"{name}.both")
        gates = add("Add", [gates, bias], f"{name}.gates")
        values = {}
        for k, (gate, squash) in enumerate(GATES):
            part = add("Slice", [gates, bounds[k], bounds[k + 1], axis], f"{name}.{gate}.slice")
            values[gate] = add(squash, [part], f"{name}.{gate}")
        new = add("Mul", [values["i"], values["g"]], f"{name}.new")
        if memory:
            new = add("Add", [add("Mul", [values["f"], memory], f"{name}.kept"), new], f"{name}.memory")
        memory = new
        state = add("Mul", [values["o"], add("Tanh", [memory], f"{name}.squashed")], f"{name}.state")
    product = add("MatMul", [state, draw("classes.weight", WIDTH, CLASSES)], "classes")
    add("Add", [product, store("classes.bias", np.zeros(CLASSES, np.float32))], "classes.sum", "logits")
    graph = helper.make_graph(
        nodes,
        "lstm",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", steps, ROW])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("lstm.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
