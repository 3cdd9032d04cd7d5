"""Write vgg8.onnx: VGG-8 for colour images of 32 × 32, as DNN+NeuroSim benchmarks it, for timing.

Six convolutions of 3 × 3 with 128, 128, 256, 256, 512 and 512 maps, a pool of 2 × 2 after every second one, then 1024
hidden units and 10 classes: 13 million trained numbers (Peng et al. 2020, 10.1109/TCAD.2020.3043731, who train it
on CIFAR-10). Kernels are drawn from N(0, 2/inputs) as in He et al. 2015 (arXiv 1502.01852). It takes 52 MB, so it is
not kept here: `python examples/models/make_vgg8.py [file]`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20140904
MAPS = (3, 128, 128, 256, 256, 512, 512)
SIDE = 32
HIDDEN, CLASSES = 1024, 10


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 3, 32, 32], output `logits` [batch, 10]."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def store(name: str, values: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def draw(name: str, shape: tuple[int, ...], inputs: int) -> str:
        return store(name, rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2.0 / inputs)))

    def add(kind: str, inputs: list[str], name: str, result: str | None = None, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [result or f"{name}.out"], name, **attributes))
        return result or f"{name}.out"

    value = "image"
    for k in range(1, len(MAPS)):
        kernel = draw(f"conv{k}.weight", (MAPS[k], MAPS[k - 1], 3, 3), 9 * MAPS[k - 1])
        bias = store(f"conv{k}.bias", np.zeros(MAPS[k]))
        value = add("Conv", [value, kernel, bias], f"conv{k}", kernel_shape=[3, 3], pads=[1] * 4)
        value = add("Relu", [value], f"relu{k}")
        if k % 2 == 0:
            value = add("MaxPool", [value], f"pool{k // 2}", kernel_shape=[2, 2], strides=[2, 2])
    value = add("Flatten", [value], "flatten", axis=1)
    sizes = (MAPS[-1] * (SIDE // 8) ** 2, HIDDEN, CLASSES)
    for k in (1, 2):
        weight = draw(f"fc{k}.weight", (sizes[k], sizes[k - 1]), sizes[k - 1])
        bias = store(f"fc{k}.bias", np.zeros(sizes[k]))
        value = add("Gemm", [value, weight, bias], f"fc{k}", "logits" if k == 2 else None, transB=1)
        if k == 1:
            value = add("Relu", [value], "relu7")
    graph = helper.make_graph(
        nodes,
        "vgg8",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("vgg8.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
