"""Random convolutional networks as ONNX models, and chips with tiles so small that arrays have several blocks."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions
from ohmflow.compiler.mapping.packing import PACKINGS
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.hand_target import hand_target

Shape = tuple[int, ...]
"""Channels, then the spatial lengths."""


@dataclass
class NetworkWriter:
    """Writes a network layer by layer: nodes take values by name, and give the names of new ones."""

    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw weights from the seed."""
        self._rng = np.random.default_rng(self.seed)

    def start(self, shape: Shape) -> str:
        """Name the input."""
        self.shapes["x"] = shape
        return "x"

    def node(self, kind: str, inputs: list[str], shape: Shape, **attributes: object) -> str:
        """Add a node whose result has a shape."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], f"n{len(self.nodes)}", **attributes))
        self.shapes[name] = shape
        return name

    def weight(self, *shape: int) -> str:
        """Add an initialiser."""
        name = f"w{len(self.stored)}"
        size = int(np.prod(shape[1:])) or 1
        self.stored.append(
            numpy_helper.from_array((self._rng.standard_normal(shape) / np.sqrt(size)).astype(np.float32), name)
        )
        return name

    def ints(self, *values: int) -> str:
        """Add a vector of integers."""
        name = f"s{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def conv(
        self,
        x: str,
        out: int,
        kernel: Shape,
        strides: Shape | None = None,
        pads: Shape | None = None,
        dilations: Shape | None = None,
        groups: int = 1,
        bias: bool = True,
        weight: str | None = None,
    ) -> str:
        """Add a Conv, with weights of its own unless they are given."""
        channels, *lengths = self.shapes[x]
        rank = len(lengths)
        strides, dilations, pads = strides or (1,) * rank, dilations or (1,) * rank, pads or (0,) * (2 * rank)
        w = weight or self.weight(out, channels // groups, *kernel)
        inputs = [x, w, *([self.weight(out)] if bias else [])]
        said = {"strides": strides, "pads": pads, "dilations": dilations, "group": groups, "kernel_shape": kernel}
        return self.node("Conv", inputs, (out, *_slid(lengths, kernel, strides, pads, dilations)), **said)

    def pool(self, kind: str, x: str, kernel: Shape, strides: Shape, pads: Shape) -> str:
        """Add MaxPool or AveragePool."""
        channels, *lengths = self.shapes[x]
        shape = (channels, *_slid(lengths, kernel, strides, pads, (1,) * len(lengths)))
        return self.node(kind, [x], shape, kernel_shape=kernel, strides=strides, pads=pads)

    def dense(self, x: str, out: int) -> str:
        """Add Flatten and Gemm."""
        size = int(np.prod(self.shapes[x]))
        flat = self.node("Flatten", [x], (size,))
        return self.node("Gemm", [flat, self.weight(size, out), self.weight(out)], (out,))

    def model(self, last: str) -> onnx.ModelProto:
        """Finish: `x` to `y`."""
        self.nodes.append(helper.make_node("Identity", [last], ["y"], "end"))
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *self.shapes["x"]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *self.shapes[last]])],
            self.stored,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _slid(lengths: list[int] | Shape, kernel: Shape, strides: Shape, pads: Shape, dilations: Shape) -> tuple[int, ...]:
    rank = len(lengths)
    return tuple(
        (lengths[a] + pads[a] + pads[a + rank] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
        for a in range(rank)
    )


@st.composite
def conv_figures(draw: st.DrawFn, lengths: tuple[int, ...], kernel: Shape | None = None) -> dict[str, Shape]:
    """Kernel, strides, pads and dilations that fit an input."""
    rank = len(lengths)
    kernel = kernel or tuple(draw(st.integers(1, 3)) for _ in range(rank))
    dilations = tuple(draw(st.sampled_from([1, 1, 2])) for _ in range(rank))
    strides = tuple(draw(st.sampled_from([1, 1, 2, 3])) for _ in range(rank))
    least = [max(0, d * (k - 1) + 1 - n) for n, k, d in zip(lengths, kernel, dilations, strict=True)]
    begins = tuple(draw(st.integers(n, n + 2)) for n in least)
    ends = tuple(draw(st.integers(0, 2)) for _ in range(rank))
    return {"kernel": kernel, "strides": strides, "pads": (*begins, *ends), "dilations": dilations}


@st.composite
def networks(draw: st.DrawFn, layers: int = 3, largest: int = 7, smallest: int = 3) -> onnx.ModelProto:
    """A network of 1 … `layers` convolutions, pools, sums and concatenations, then a dense layer to 3 outputs."""
    writer = NetworkWriter(draw(st.integers(0, 100)))
    rank = draw(st.sampled_from([1, 2, 2, 2])) if smallest == 3 else 2
    x = writer.start((draw(st.integers(1, 3)), *(draw(st.integers(smallest, largest)) for _ in range(rank))))
    for _ in range(draw(st.integers(1, layers))):
        x = _layer(draw, writer, x)
        if draw(st.booleans()):
            x = writer.node(draw(st.sampled_from(["Relu", "Tanh"])), [x], writer.shapes[x])
        lengths = writer.shapes[x][1:]
        if min(lengths) >= 2 and draw(st.booleans()):
            kernel = tuple(draw(st.integers(1, min(3, n))) for n in lengths)
            strides = tuple(draw(st.integers(1, k)) for k in kernel)
            pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
            x = writer.pool(draw(st.sampled_from(["MaxPool", "AveragePool"])), x, kernel, strides, pads)
    return writer.model(writer.dense(x, 3))


def _layer(draw: st.DrawFn, writer: NetworkWriter, x: str) -> str:
    channels, *lengths = writer.shapes[x]
    rank = len(lengths)
    kind = draw(st.sampled_from(["plain", "plain", "groups", "residual", "concat", "shared"]))
    bias = draw(st.booleans())
    if kind in ("residual", "shared"):
        kernel = tuple(draw(st.sampled_from([1, 3])) for _ in range(rank))
        pads = tuple(k // 2 for k in (*kernel, *kernel))
        first = writer.conv(x, channels, kernel, pads=pads, bias=bias)
        if kind == "residual":
            return writer.node("Add", [first, x], writer.shapes[x])
        weight = writer.nodes[-1].input[1]
        return writer.conv(first, channels, kernel, pads=pads, bias=bias, weight=weight)
    figures = draw(conv_figures(tuple(lengths)))
    if kind == "groups":
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
        return writer.conv(x, groups * draw(st.integers(1, 2)), groups=groups, bias=bias, **figures)
    if kind == "concat":
        branches = [writer.conv(x, draw(st.integers(1, 2)), bias=bias, **figures) for _ in range(2)]
        outs = sum(writer.shapes[b][0] for b in branches)
        return writer.node("Concat", branches, (outs, *writer.shapes[branches[0]][1:]), axis=1)
    return writer.conv(x, draw(st.integers(1, 4)), bias=bias, **figures)


@dataclass(frozen=True)
class ConvCase:
    """What to compile, and a batch to run."""

    model: onnx.ModelProto
    target: Target
    options: CompileOptions
    batch: int
    seed: int

    def __repr__(self) -> str:
        """Say what matters, for hypothesis."""
        tile = self.target.tile
        nodes = [_told(node) for node in self.model.graph.node]
        dims = [d.dim_value for d in self.model.graph.input[0].type.tensor_type.shape.dim]
        shapes = {w.name: tuple(w.dims) for w in self.model.graph.initializer}
        return (
            f"{dims} {nodes} {shapes} on {tile.crossbar.rows}x{tile.crossbar.cols}, "
            f"vectors {tile.buffer.vectors if tile.buffer else None}, {self.options}, batch {self.batch}, {self.seed}"
        )

    def rows(self) -> dict[str, np.ndarray]:
        """A batch of data and labels."""
        rng = np.random.default_rng(self.seed)
        shape = [d.dim_value for d in self.model.graph.input[0].type.tensor_type.shape.dim][1:]
        x = rng.standard_normal((self.batch, *shape)).astype(np.float32)
        return {"x": x, "label": rng.standard_normal((self.batch, 3)).astype(np.float32)}


def _told(node: onnx.NodeProto) -> str:
    said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return f"{node.op_type}({', '.join(node.input)}){said or ''}"


@st.composite
def conv_cases(draw: st.DrawFn, layers: int = 3, largest: int = 7, most: int = 2, smallest: int = 3) -> ConvCase:
    """A network, a chip of small tiles, and choices."""
    target = hand_target(
        tile__crossbar={
            "rows": draw(st.integers(4, 16)),
            "cols": draw(st.integers(2, 8)),
            "cell": "single-with-reference",
        },
        tile__buffer={"size": "1 MiB", "port": "32 B", "vectors": draw(st.integers(1, 2))},
        tile__read__double_buffered=draw(st.booleans()),
        tile__adc__banks=draw(st.integers(1, 2)),
        tile__adc__shared_by=2,
        chip__tiles_per_node=draw(st.integers(1, 2)),
        chip__mesh="16 x 16",
        # A slow vector unit, on which convolutions in groups do not stay.
        chip__vector_unit__lanes=draw(st.sampled_from([1, 8])),
        chip__vector_unit__scratchpad={"size": "1 MiB", "port": "32 B"},
    )
    options = CompileOptions(loss="mse", packing=draw(st.sampled_from(PACKINGS)))
    return ConvCase(
        draw(networks(layers, largest, smallest)),
        target,
        options,
        draw(st.integers(1, most)),
        draw(st.integers(0, 1000)),
    )
