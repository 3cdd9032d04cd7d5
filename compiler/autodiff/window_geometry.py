"""Geometry of a sliding window, read from the explicit attributes that the front end writes.

Position o sees element o·stride + k·dilation − begin for k = 0 … kernel − 1, along each spatial axis.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.shapes import dims


@dataclass(frozen=True)
class Geometry:
    """A window over the spatial axes of [batch, channels, …]; one entry per spatial axis in every field.

    Attributes:
        lengths: of the input.
        positions: of the output.
        kernel, strides, dilations: of the window.
        begins, ends: padding before and after the input.
    """

    lengths: tuple[int, ...]
    positions: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, node: ir.Node) -> "Geometry":
        """Read the geometry of a Conv, MaxPool or AveragePool."""
        value = node.inputs[0]
        assert value is not None, "the operator requires its input"
        pads = _ints(node, "pads")
        rank = len(pads) // 2
        return cls(
            _known(value),
            _known(node.outputs[0]),
            _ints(node, "kernel_shape"),
            _ints(node, "strides"),
            _ints(node, "dilations"),
            pads[:rank],
            pads[rank:],
        )

    def sources(self, axis: int) -> NDArray[np.int64]:
        """Elements that each position sees along an axis: [positions, kernel], outside 0 … length − 1 in padding."""
        first = np.arange(self.positions[axis], dtype=np.int64) * self.strides[axis] - self.begins[axis]
        return first[:, None] + np.arange(self.kernel[axis], dtype=np.int64) * self.dilations[axis]

    def transposed(self) -> dict[str, list[int]]:
        """Attributes of the ConvTranspose that carries values of the positions back to the elements that they saw.

        What no window reaches at the end is `output_padding`, which holds zeros; what lies beyond the input is cut.
        """
        ends, extra = [], []
        for axis, length in enumerate(self.lengths):
            reach = (self.positions[axis] - 1) * self.strides[axis] + (self.kernel[axis] - 1) * self.dilations[axis] + 1
            beyond = reach - self.begins[axis] - length
            ends.append(max(beyond, 0))
            extra.append(max(-beyond, 0))
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.strides),
            "dilations": list(self.dilations),
            "pads": [*self.begins, *ends],
            "output_padding": extra,
        }


def _ints(node: ir.Node, name: str) -> tuple[int, ...]:
    return tuple(int(value) for value in node.attributes[name].as_ints())


def _known(value: ir.Value) -> tuple[int, ...]:
    return tuple(length for length in dims(value)[2:] if length is not None)
