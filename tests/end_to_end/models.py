"""Small ONNX models made of layers, and the layers' weights; `float_network.py` computes what they mean."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

DIGITS_MLP = Path(__file__).parents[2] / "examples" / "models" / "digits_mlp.onnx"


@dataclass(frozen=True)
class Layer:
    """One layer: `gemm` and `matmul` have a weight [in, out], `gain` and `shift` a vector; the others have nothing."""

    kind: str
    size: int = 0
    bias: bool = True


@dataclass(frozen=True)
class Network:
    """A model in memory and its initial parameters, in the orientation of the ONNX file.

    `names` gives the initialiser of each parameter where it is called otherwise.
    """

    layers: tuple[Layer, ...]
    proto: onnx.ModelProto
    parameters: dict[str, NDArray[np.float32]]
    names: dict[str, str] = field(default_factory=dict)

    def trained(self, proto: onnx.ModelProto) -> dict[str, NDArray[Any]]:
        """The parameters that a trained model holds."""
        stored = initializers(proto)
        return {name: stored[self.names.get(name, name)] for name in self.parameters}

    def write(self, path: Path) -> Path:
        """Write the model to a file."""
        path.write_bytes(self.proto.SerializeToString(deterministic=True))
        return path


def network(inputs: int, *layers: Layer, seed: int = 5, batch: Any = "batch") -> Network:
    """Draw weights and write the graph; parameters of layer k are `w<k>`, `b<k>`, `v<k>`, nodes are `n<k>`."""
    draws = np.random.default_rng(seed)
    nodes: list[onnx.NodeProto] = []
    parameters: dict[str, NDArray[np.float32]] = {}
    value, width = "x", inputs
    for k, layer in enumerate(layers):
        out = f"y{k}"
        match layer.kind:
            case "gemm":
                parameters[f"w{k}"] = _drawn(draws, (layer.size, width), width)
                operands = [value, f"w{k}"]
                if layer.bias:
                    parameters[f"b{k}"] = _drawn(draws, (layer.size,), width)
                    operands.append(f"b{k}")
                nodes.append(helper.make_node("Gemm", operands, [out], f"n{k}", transB=1))
                width = layer.size
            case "matmul":
                parameters[f"w{k}"] = _drawn(draws, (width, layer.size), width)
                nodes.append(helper.make_node("MatMul", [value, f"w{k}"], [out], f"n{k}"))
                width = layer.size
            case "gain":
                parameters[f"v{k}"] = np.float32(1) + _drawn(draws, (width,), width)
                nodes.append(helper.make_node("Mul", [value, f"v{k}"], [out], f"n{k}"))
            case "shift":
                parameters[f"v{k}"] = _drawn(draws, (width,), width)
                nodes.append(helper.make_node("Sub", [value, f"v{k}"], [out], f"n{k}"))
            case "swish":
                nodes.append(helper.make_node("Sigmoid", [value], [f"s{k}"], f"n{k}.sigmoid"))
                nodes.append(helper.make_node("Mul", [value, f"s{k}"], [out], f"n{k}"))
            case "softmax":
                nodes.append(helper.make_node("Softmax", [value], [out], f"n{k}", axis=1))
            case "relu" | "sigmoid" | "tanh":
                nodes.append(helper.make_node(layer.kind.capitalize(), [value], [out], f"n{k}"))
        value = out
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [batch, width])],
        [numpy_helper.from_array(array, name) for name, array in parameters.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return Network(tuple(layers), proto, parameters)


def _drawn(draws: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> NDArray[np.float32]:
    bound = 1.0 / np.sqrt(fan_in)
    return draws.uniform(-bound, bound, shape).astype(np.float32)


def digits_network() -> Network:
    """The example's perceptron, read with onnx alone: its layers and parameters."""
    proto = onnx.load(DIGITS_MLP)
    stored = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    layers: list[Layer] = []
    parameters: dict[str, NDArray[np.float32]] = {}
    names: dict[str, str] = {}
    for node in proto.graph.node:
        k = len(layers)
        if node.op_type == "Gemm":
            names |= {f"w{k}": node.input[1], f"b{k}": node.input[2]}
            parameters |= {f"w{k}": stored[node.input[1]], f"b{k}": stored[node.input[2]]}
            layers.append(Layer("gemm", parameters[f"w{k}"].shape[0]))
        else:
            layers.append(Layer(node.op_type.lower()))
    return Network(tuple(layers), proto, parameters, names)


def initializers(proto: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """All initialisers of a model by name."""
    return {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
