"""Write resnet18.onnx: ResNet-18 for colour images of 224 × 224, for timing.

Layers and sizes are those of He et al. 2016 (10.1109/CVPR.2016.90, table 1, 18 layers): a stem of 7 × 7 by 2 and a
pool, four stages of two basic blocks with 64, 128, 256 and 512 maps, a mean over the image and 1000 classes, 11.7
million trained numbers. Kernels are drawn from N(0, 2/(k²·outputs)) as in He et al. 2015 (arXiv 1502.01852).
The file is an inference model (`training_mode` 0), as exporters write it. It takes 47 MB, so it is not kept here:
`python examples/models/make_resnet18.py [file] [--side PIXELS]`.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20151210
STEM = 64
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Maps of each stage, and the stride of its first block."""
BLOCKS = 2
CLASSES = 1000


@dataclass
class Writer:
    """Collects nodes and initialisers of the graph."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.Generator(np.random.PCG64(SEED)))
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def store(self, name: str, values: np.ndarray) -> str:
        """Add an initialiser and return its name."""
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def add(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        """Add a node and return its result's name."""
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}.out"], name, **attributes))
        return f"{name}.out"

    def convolution(self, value: str, name: str, inputs: int, outputs: int, size: int, stride: int) -> str:
        """A convolution without bias, padded to keep the side, and its normalisation."""
        drawn = self.rng.standard_normal((outputs, inputs, size, size), dtype=np.float32)
        kernel = self.store(f"{name}.weight", drawn * np.float32(np.sqrt(2.0 / (outputs * size * size))))
        attributes = {"kernel_shape": [size, size], "strides": [stride] * 2, "pads": [size // 2] * 4}
        value = self.add("Conv", [value, kernel], name, **attributes)
        norm = f"{name}.norm"
        start = {"scale": np.ones, "bias": np.zeros, "mean": np.zeros, "var": np.ones}
        operands = [self.store(f"{norm}.{part}", make(outputs)) for part, make in start.items()]
        return self.add("BatchNormalization", [value, *operands], norm, epsilon=1e-5, momentum=0.9)

    def block(self, value: str, name: str, inputs: int, outputs: int, stride: int) -> str:
        """A residual block."""
        inner = self.convolution(value, f"{name}.conv1", inputs, outputs, 3, stride)
        inner = self.add("Relu", [inner], f"{name}.relu1")
        inner = self.convolution(inner, f"{name}.conv2", outputs, outputs, 3, 1)
        if (inputs, stride) != (outputs, 1):
            value = self.convolution(value, f"{name}.fit", inputs, outputs, 1, stride)
        return self.add("Relu", [self.add("Add", [inner, value], f"{name}.add")], f"{name}.relu2")


def build(side: int = 224) -> onnx.ModelProto:
    """Return the model: input `image` [batch, 3, side, side], output `logits` [batch, 1000]."""
    writer = Writer()
    value = writer.add("Relu", [writer.convolution("image", "stem", 3, STEM, 7, 2)], "stem.relu")
    value = writer.add("MaxPool", [value], "stem.pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    width = STEM
    for stage, (maps, stride) in enumerate(STAGES, 1):
        for k in range(BLOCKS):
            value = writer.block(value, f"stage{stage}.block{k + 1}", width, maps, stride if k == 0 else 1)
            width = maps
    value = writer.add("GlobalAveragePool", [value], "pool")
    value = writer.add("Flatten", [value], "flatten", axis=1)
    bound = 1.0 / np.sqrt(width)
    weight = writer.store("fc.weight", writer.rng.uniform(-bound, bound, (CLASSES, width)))
    bias = writer.store("fc.bias", np.zeros(CLASSES))
    writer.nodes.append(helper.make_node("Gemm", [value, weight, bias], ["logits"], "fc", transB=1))
    graph = helper.make_graph(
        writer.nodes,
        "resnet18",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("resnet18.onnx"))
    parser.add_argument("--side", type=int, default=224, help="pixels of an image's side (224)")
    given = parser.parse_args()
    given.file.write_bytes(build(given.side).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
