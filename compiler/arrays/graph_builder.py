"""Adding nodes to an onnx-ir graph under names that can not collide with the user's."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray


def unique_name(wanted: str, used: set[str]) -> str:
    """Return `wanted`, or `wanted_2`, `wanted_3` … if it is used, and add it to `used`."""
    name = wanted
    count = 1
    while name in used:
        count += 1
        name = f"{wanted}_{count}"
    used.add(name)
    return name


def value_names(graph: ir.Graph) -> set[str]:
    """Return the names of all values of a graph and of its subgraphs."""
    names = {value.name for value in (*graph.inputs, *graph.initializers.values()) if value.name}
    for subgraph in graph.subgraphs():
        names.update(value.name for value in (*subgraph.inputs, *subgraph.initializers.values()) if value.name)
    names.update(output.name for node in graph.all_nodes() for output in node.outputs if output.name)
    return names


class GraphBuilder:
    """Append nodes, constants and inputs to one graph.

    A node is named after its first output. Equal constants are stored once.
    """

    def __init__(self, graph: ir.Graph, before: ir.Node | None = None) -> None:
        """Build into `graph`, at its end or before the node `before`."""
        self.graph = graph
        self._before = before
        self._values = value_names(graph)
        self._nodes = {node.name for node in graph.all_nodes() if node.name}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}

    def reserve(self, wanted: str) -> str:
        """Return a name like `wanted` that no value of the graph has, and keep it from being used again."""
        return unique_name(wanted, self._values)

    def op(
        self, op_type: str, inputs: Sequence[ir.Value], name: str, *, domain: str = "", **attributes: Any
    ) -> ir.Value:
        """Append a node with one output.

        Args:
            op_type: operator.
            inputs: operands, values of this graph.
            name: wanted name of the output.
            domain: operator set, "" for ONNX itself.
            **attributes: the node's attributes.

        Returns:
            The output; its type and shape are left to shape inference.
        """
        output = ir.Value(name=self.reserve(name))
        node = ir.Node(
            domain,
            op_type,
            inputs,
            attributes=ir.convenience.convert_attributes(attributes),
            outputs=[output],
            name=unique_name(output.name or name, self._nodes),
        )
        if self._before is None:
            self.graph.append(node)
        else:
            self.graph.insert_before(self._before, node)
        return output

    def constant(self, array: NDArray[Any] | np.generic, name: str) -> ir.Value:
        """Return an initialiser that holds `array`; `name` is its wanted name."""
        stored = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (stored.dtype.str, stored.shape, stored.tobytes())
        if key not in self._constants:
            self._constants[key] = self.initializer(stored, self.reserve(name))
        return self._constants[key]

    def ints(self, values: Iterable[int]) -> ir.Value:
        """Return a constant of type int64 and rank 1, axes or the target of a Reshape, named after what it holds."""
        held = list(values)
        return self.constant(np.array(held, dtype=np.int64), "ints." + "_".join(str(value) for value in held))

    def scalar(self, number: float) -> ir.Value:
        """Return a float32 constant of rank 0, named after what it holds."""
        return self.constant(np.array(number, dtype=np.float32), f"scalar.{number:g}")

    def initializer(self, array: NDArray[Any], name: str) -> ir.Value:
        """Register an initialiser under exactly this name, which must be reserved or free."""
        self._values.add(name)
        tensor = ir.Tensor(array, name=name)
        value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        self.graph.register_initializer(value)
        return value

    def input(self, name: str, dtype: ir.DataType, shape: Sequence[int | str]) -> ir.Value:
        """Add a graph input; `name` is its wanted name."""
        value = ir.Value(name=self.reserve(name), shape=ir.Shape(shape), type=ir.TensorType(dtype))
        self.graph.inputs.append(value)
        return value
