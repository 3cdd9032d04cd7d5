"""Write transformer.onnx: a small transformer encoder that classifies grey images of 28 × 28 by their patches.

The encoder of Vaswani et al. 2017 (arXiv 1706.03762) with normalisation before each part, on patches of 7 × 7 as in
Dosovitskiy et al. 2020 (arXiv 2010.11929): 16 tokens of 64 numbers, 2 layers of 4 heads, a feed-forward part of 128,
the mean of all tokens, 10 classes; 71,946 trained numbers. The six products with weights of a layer are arrays;
scores, their softmax and the weighted sums are products of activations, which stay digital.
Kernels are drawn uniformly in ±√(6/(inputs + outputs)).
Run it from anywhere: `python examples/models/make_transformer.py [file]`.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20170612
SIDE, PATCH, WIDTH, HEADS, HIDDEN, LAYERS, CLASSES = 28, 7, 64, 4, 128, 2, 10
TOKENS = (SIDE // PATCH) ** 2


@dataclass
class Writer:
    """Collects nodes and initialisers of the graph."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.Generator(np.random.PCG64(SEED)))
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def store(self, name: str, values: np.ndarray) -> str:
        """Add an initialiser and return its name."""
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: list[str], name: str, result: str | None = None, **attributes: object) -> str:
        """Add a node and return its result's name."""
        self.nodes.append(helper.make_node(kind, inputs, [result or f"{name}.out"], name, **attributes))
        return result or f"{name}.out"

    def reshape(self, value: str, name: str, shape: list[int]) -> str:
        """Another shape; 0 keeps a length."""
        return self.add("Reshape", [value, self.store(f"{name}.shape", np.array(shape, np.int64))], name)

    def linear(self, value: str, name: str, inputs: int, outputs: int, result: str | None = None) -> str:
        """A product with weights, and a bias."""
        bound = np.sqrt(6.0 / (inputs + outputs))
        weight = self.store(f"{name}.weight", self.rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32))
        bias = self.store(f"{name}.bias", np.zeros(outputs, np.float32))
        product = self.add("MatMul", [value, weight], name)
        return self.add("Add", [product, bias], f"{name}.sum", result)

    def norm(self, value: str, name: str) -> str:
        """Normalise each token."""
        scale = self.store(f"{name}.scale", np.ones(WIDTH, np.float32))
        bias = self.store(f"{name}.bias", np.zeros(WIDTH, np.float32))
        return self.add("LayerNormalization", [value, scale, bias], name, axis=-1, epsilon=1e-5)

    def heads(self, value: str, name: str, perm: list[int]) -> str:
        """Split each token between heads."""
        split = self.reshape(value, f"{name}.split", [0, TOKENS, HEADS, WIDTH // HEADS])
        return self.add("Transpose", [split], f"{name}.heads", perm=perm)

    def attention(self, value: str, name: str) -> str:
        """Every token looks at all."""
        query, key, content = (
            self.heads(self.linear(value, f"{name}.{part}", WIDTH, WIDTH), f"{name}.{part}", perm)
            for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scores = self.add("MatMul", [query, key], f"{name}.scores")
        scale = self.store(f"{name}.scale", np.array((WIDTH // HEADS) ** -0.5, np.float32))
        share = self.add("Softmax", [self.add("Mul", [scores, scale], f"{name}.scaled")], f"{name}.softmax", axis=-1)
        mixed = self.add("MatMul", [share, content], f"{name}.mix")
        joined = self.add("Transpose", [mixed], f"{name}.tokens", perm=[0, 2, 1, 3])
        joined = self.reshape(joined, f"{name}.join", [0, TOKENS, WIDTH])
        return self.linear(joined, f"{name}.out", WIDTH, WIDTH)

    def layer(self, value: str, name: str) -> str:
        """An encoder layer."""
        part = self.attention(self.norm(value, f"{name}.norm1"), f"{name}.attention")
        value = self.add("Add", [value, part], f"{name}.add1")
        part = self.linear(self.norm(value, f"{name}.norm2"), f"{name}.up", WIDTH, HIDDEN)
        part = self.linear(self.add("Gelu", [part], f"{name}.gelu"), f"{name}.down", HIDDEN, WIDTH)
        return self.add("Add", [value, part], f"{name}.add2")


def build() -> onnx.ModelProto:
    """Return the model: input `image` [batch, 1, 28, 28], output `logits` [batch, 10]."""
    writer = Writer()
    across = SIDE // PATCH
    value = writer.reshape("image", "patches.cut", [0, across, PATCH, across, PATCH])
    value = writer.add("Transpose", [value], "patches.sort", perm=[0, 1, 3, 2, 4])
    value = writer.reshape(value, "patches", [0, TOKENS, PATCH * PATCH])
    value = writer.linear(value, "embedding", PATCH * PATCH, WIDTH)
    place = writer.store("place", writer.rng.normal(0.0, 0.02, (TOKENS, WIDTH)).astype(np.float32))
    value = writer.add("Add", [value, place], "placed")
    for k in range(1, LAYERS + 1):
        value = writer.layer(value, f"layer{k}")
    value = writer.norm(value, "norm")
    value = writer.add("ReduceMean", [value, writer.store("axis", np.array([1], np.int64))], "mean", keepdims=0)
    writer.linear(value, "classes", WIDTH, CLASSES, "logits")
    graph = helper.make_graph(
        writer.nodes,
        "transformer",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model to the file named on the command line, beside this script by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("transformer.onnx")
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
