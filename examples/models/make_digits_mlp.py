"""Write digits_mlp.onnx: a perceptron 64-256-128-10 for the 8 × 8 digits, as PyTorch would export it.

Weights and biases are drawn as PyTorch's Linear draws them: uniform in ±1/√inputs (Kaiming uniform with a = √5).
Run it from anywhere: `python examples/models/make_digits_mlp.py [file]`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZES = (64, 256, 128, 10)
SEED = 20240607


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 64], output `logits` [batch, 10], weights stored [outputs, inputs]."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    nodes, weights = [], []
    value, last = "image", len(SIZES) - 1
    for layer in range(1, len(SIZES)):
        inputs, outputs = SIZES[layer - 1], SIZES[layer]
        bound = 1.0 / np.sqrt(inputs)
        for name, shape in ((f"fc{layer}.weight", (outputs, inputs)), (f"fc{layer}.bias", (outputs,))):
            drawn = rng.uniform(-bound, bound, shape).astype(np.float32)
            weights.append(numpy_helper.from_array(drawn, name))
        result = "logits" if layer == last else f"fc{layer}.out"
        operands = [value, f"fc{layer}.weight", f"fc{layer}.bias"]
        nodes.append(helper.make_node("Gemm", operands, [result], f"fc{layer}", transB=1))
        if layer != last:
            value = f"relu{layer}.out"
            nodes.append(helper.make_node("Relu", [result], [value], f"relu{layer}"))
    graph = helper.make_graph(
        nodes,
        "digits_mlp",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", SIZES[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", SIZES[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("digits_mlp.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
