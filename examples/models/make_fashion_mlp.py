"""Write fashion_mlp.onnx: a perceptron 784-256-128-10 with logistic layers for grey images of 28 × 28.

Sizes and activation are those of Gokmen and Vlasov 2016 (10.3389/fnins.2016.00333), who trained it on MNIST; the output
gives logits, since the loss holds the softmax. Weights are drawn uniformly in ±4·√(6/(inputs + outputs)), the range
that Glorot and Bengio 2010 give for a logistic layer; biases start at 0.
Run it from anywhere: `python examples/models/make_fashion_mlp.py [file]`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZES = (784, 256, 128, 10)
SEED = 20160721


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 1, 28, 28], output `logits` [batch, 10], weights [outputs, inputs]."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    nodes = [helper.make_node("Flatten", ["image"], ["pixels"], "flatten", axis=1)]
    weights, value, last = [], "pixels", len(SIZES) - 1
    for layer in range(1, len(SIZES)):
        inputs, outputs = SIZES[layer - 1], SIZES[layer]
        # The last layer's sums go to a softmax, for which the range without the factor is the usual one.
        bound = (1.0 if layer == last else 4.0) * np.sqrt(6.0 / (inputs + outputs))
        drawn = rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32)
        weights.append(numpy_helper.from_array(drawn, f"fc{layer}.weight"))
        weights.append(numpy_helper.from_array(np.zeros(outputs, np.float32), f"fc{layer}.bias"))
        result = "logits" if layer == last else f"fc{layer}.out"
        operands = [value, f"fc{layer}.weight", f"fc{layer}.bias"]
        nodes.append(helper.make_node("Gemm", operands, [result], f"fc{layer}", transB=1))
        if layer != last:
            value = f"sigmoid{layer}.out"
            nodes.append(helper.make_node("Sigmoid", [result], [value], f"sigmoid{layer}"))
    graph = helper.make_graph(
        nodes,
        "fashion_mlp",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", SIZES[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("fashion_mlp.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
