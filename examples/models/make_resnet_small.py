"""Write resnet_small.onnx: a small residual network with batch normalisation for grey images of 28 × 28.

The blocks are the basic ones of He et al. 2016 (10.1109/CVPR.2016.90): two convolutions of 3 × 3, each followed by a
normalisation, added to the block's input, which a convolution of 1 × 1 fits where sizes differ. The stem halves the
image's side at once, as in that paper; then come blocks of 8 maps of 14 × 14, 16 of 7 × 7 and 16 of 4 × 4. That is
10,082 trained numbers, and activations that fit the memories of the shipped chips for a batch of 8 on spread tiles.
The file is an inference model (`training_mode` 0), as exporters write it; training uses the batch's statistics and
keeps running ones. Kernels are drawn from N(0, 2/(k²·outputs)) as in He et al. 2015 (arXiv 1502.01852).
Run it from anywhere: `python examples/models/make_resnet_small.py [file]`.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20151210
STEM = 8
BLOCKS = ((8, 8, 1), (8, 16, 2), (16, 16, 2))
"""Input maps, output maps, stride of each block."""
CLASSES = 10


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
        drawn = self.rng.normal(0.0, np.sqrt(2.0 / (outputs * size * size)), (outputs, inputs, size, size))
        kernel = self.store(f"{name}.weight", drawn)
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


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 1, 28, 28], output `logits` [batch, 10]."""
    writer = Writer()
    value = writer.add("Relu", [writer.convolution("image", "stem", 1, STEM, 3, 2)], "stem.relu")
    for k, (inputs, outputs, stride) in enumerate(BLOCKS, 1):
        value = writer.block(value, f"block{k}", inputs, outputs, stride)
    value = writer.add("GlobalAveragePool", [value], "pool")
    value = writer.add("Flatten", [value], "flatten", axis=1)
    width = BLOCKS[-1][1]
    bound = 1.0 / np.sqrt(width)
    weight = writer.store("fc.weight", writer.rng.uniform(-bound, bound, (CLASSES, width)))
    bias = writer.store("fc.bias", np.zeros(CLASSES))
    writer.nodes.append(helper.make_node("Gemm", [value, weight, bias], ["logits"], "fc", transB=1))
    graph = helper.make_graph(
        writer.nodes,
        "resnet_small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("resnet_small.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
