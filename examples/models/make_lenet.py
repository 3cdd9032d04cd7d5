"""Write lenet5.onnx: LeNet-5 for grey images of 28 × 28, as PyTorch would export it.

Layers and sizes are those of LeCun et al. 1998 (10.1109/5.726791), with images padded by 2 instead of drawn larger.
What differs, as it does in most of today's LeNet-5s: ReLU instead of a scaled tanh, maxima instead of trainable
averages in the pools, every kernel of the second convolution reads all 6 maps, and the last layer gives logits.
Weights and biases are drawn as PyTorch's layers draw them: uniform in ±1/√inputs (Kaiming uniform with a = √5).
Run it from anywhere: `python examples/models/make_lenet.py [file]`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 19980112
CONVOLUTIONS = ((1, 6, 2), (6, 16, 0))
"""Input maps, output maps and padding; kernels are 5 × 5, each is followed by ReLU and a pool of 2 × 2."""
SIZES = (16 * 5 * 5, 120, 84, 10)


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 1, 28, 28], output `logits` [batch, 10]."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def draw(name: str, shape: tuple[int, ...], inputs: int) -> str:
        bound = 1.0 / np.sqrt(inputs)
        weights.append(numpy_helper.from_array(rng.uniform(-bound, bound, shape).astype(np.float32), name))
        return name

    def add(kind: str, inputs: list[str], name: str, result: str | None = None, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [result or f"{name}.out"], name, **attributes))
        return result or f"{name}.out"

    value = "image"
    for k, (inputs, outputs, pad) in enumerate(CONVOLUTIONS, 1):
        kernel = draw(f"conv{k}.weight", (outputs, inputs, 5, 5), 25 * inputs)
        bias = draw(f"conv{k}.bias", (outputs,), 25 * inputs)
        value = add("Conv", [value, kernel, bias], f"conv{k}", kernel_shape=[5, 5], pads=[pad] * 4)
        value = add("Relu", [value], f"relu{k}")
        value = add("MaxPool", [value], f"pool{k}", kernel_shape=[2, 2], strides=[2, 2])
    value = add("Flatten", [value], "flatten", axis=1)
    last = len(SIZES) - 1
    for k in range(1, len(SIZES)):
        weight = draw(f"fc{k}.weight", (SIZES[k], SIZES[k - 1]), SIZES[k - 1])
        bias = draw(f"fc{k}.bias", (SIZES[k],), SIZES[k - 1])
        value = add("Gemm", [value, weight, bias], f"fc{k}", "logits" if k == last else None, transB=1)
        if k != last:
            value = add("Relu", [value], f"relu{k + len(CONVOLUTIONS)}")
    graph = helper.make_graph(
        nodes,
        "lenet5",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("lenet5.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
