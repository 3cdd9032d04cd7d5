"""Cutting the digital part of a graph into segments.

A segment is a connected set of digital nodes that can run as one piece between array operations. Nodes are sorted by
*stage*: the stage grows by one whenever a path crosses an array operation, or passes between nodes of different kind or
phase. Nodes of one stage, kind and phase that touch form a segment; since every path that leaves a segment reaches a
higher stage, no segment ever waits for itself.

Kinds: `row` nodes treat each sample by itself and stream; `batch` nodes reduce over the batch, or do not depend on it,
and run behind a barrier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import onnx_ir as ir

from ohmflow.compiler.arrays.functions import DOMAIN
from ohmflow.compiler.arrays.work import is_rows
from ohmflow.compiler.errors import UnsupportedError

_ALONG_AXIS = {"Softmax": -1, "LogSoftmax": -1}
"""Operators that mix elements along one axis and keep the shape, with their default axis."""


@dataclass(frozen=True)
class Segment:
    """Digital nodes that run as one piece.

    Attributes:
        kind: `row` or `batch`.
        phase: `forward` or `backward` or `update`.
        stage: depth in array operations and changes of kind.
        nodes: in topological order.
        inputs: values from outside, constants excluded.
        outputs: values that others use.
    """

    kind: str
    phase: str
    stage: int
    nodes: tuple[ir.Node, ...]
    inputs: tuple[ir.Value, ...]
    outputs: tuple[ir.Value, ...]


def is_array_operation(node: ir.Node) -> bool:
    """Whether the node is mvm, mvm_t or update."""
    return node.domain == DOMAIN


def node_kind(node: ir.Node, where: str) -> str:
    """Return `row` or `batch` for a digital node.

    Raises:
        UnsupportedError: the node mixes samples in a way that is not a reduction over the batch.
    """
    rows_in = [v for v in node.inputs if v is not None and is_rows(v)]
    rows_out = [is_rows(v) for v in node.outputs]
    if not rows_in:
        return "batch"
    if all(rows_out):
        axis = _ALONG_AXIS.get(node.op_type)
        if axis is not None:
            if "axis" in node.attributes:
                axis = node.attributes["axis"].as_int()
            rank = len(node.outputs[0].shape or ())
            if axis % rank == 0:
                raise UnsupportedError(
                    f"{where}: node '{node.name}': axis of {node.op_type} must not be the batch axis, not {axis}; "
                    "normalise each sample by itself"
                )
        return "row"
    if any(rows_out) or any(not isinstance(d, int) for v in node.outputs for d in (v.shape or ())):
        raise UnsupportedError(
            f"{where}: node '{node.name}': {node.op_type} must keep the batch as its first axis or reduce it away, "
            "not move it; keep samples apart"
        )
    return "batch"


def cut_segments(
    nodes: Sequence[ir.Node], phases: dict[ir.Node, str], needed: set[ir.Value], where: str
) -> tuple[list[Segment], dict[ir.Node, int]]:
    """Cut a graph's digital nodes into segments.

    Args:
        nodes: all nodes in topological order.
        phases: phase of every node.
        needed: values that the graph returns.
        where: the model's name, for messages.

    Returns:
        Segments in the order of their stages, and the stage of every node.
    """
    kinds = {n: "array" if is_array_operation(n) else node_kind(n, where) for n in nodes}
    stage: dict[ir.Node, int] = {}
    for node in nodes:
        level = 0
        for value in node.inputs:
            producer = value.producer() if value is not None else None
            if producer is None:
                continue
            same = kinds[producer] == kinds[node] and phases[producer] == phases[node] and kinds[node] != "array"
            level = max(level, stage[producer] + (0 if same else 1))
        stage[node] = level
    _sink(nodes, kinds, phases, stage, needed)
    touching: nx.Graph[ir.Node] = nx.Graph()
    position = {n: k for k, n in enumerate(nodes)}
    for node in nodes:
        if kinds[node] == "array":
            continue
        touching.add_node(node)
        for value in node.inputs:
            producer = value.producer() if value is not None else None
            if producer is not None and _key(producer, kinds, phases, stage) == _key(node, kinds, phases, stage):
                touching.add_edge(producer, node)
    segments = []
    for component in nx.connected_components(touching):
        members = tuple(sorted(component, key=position.__getitem__))
        first = members[0]
        segments.append(
            Segment(
                kinds[first],
                phases[first],
                stage[first],
                members,
                _outside_inputs(members),
                tuple(v for n in members for v in n.outputs if v in needed or _used_outside(v, component)),
            )
        )
    segments.sort(key=lambda s: (s.stage, position[s.nodes[0]]))
    return segments, stage


def _sink(
    nodes: Sequence[ir.Node],
    kinds: dict[ir.Node, str],
    phases: dict[ir.Node, str],
    stage: dict[ir.Node, int],
    needed: set[ir.Value],
) -> None:
    """Move a node that only nodes of its kind and phase use to the stage of the first of them: fewer segments."""
    for node in reversed(nodes):
        if kinds[node] == "array" or any(v in needed for v in node.outputs):
            continue
        users = [use.node for v in node.outputs for use in v.uses()]
        if users and all((kinds.get(u), phases.get(u)) == (kinds[node], phases[node]) for u in users):
            stage[node] = min(stage[u] for u in users)


def _key(
    node: ir.Node, kinds: dict[ir.Node, str], phases: dict[ir.Node, str], stage: dict[ir.Node, int]
) -> tuple[str, str, int]:
    return kinds[node], phases[node], stage[node]


def is_constant(value: ir.Value) -> bool:
    """Whether the value is an initialiser that no step changes; it goes into the segment itself."""
    return value.producer() is None and value.is_initializer() and not value.metadata_props.get("ohmflow.state")


def _outside_inputs(members: Sequence[ir.Node]) -> tuple[ir.Value, ...]:
    made = {v for n in members for v in n.outputs}
    found: dict[ir.Value, None] = {}
    for node in members:
        for value in node.inputs:
            if value is not None and value not in made and not is_constant(value):
                found.setdefault(value)
    return tuple(found)


def _used_outside(value: ir.Value, component: set[ir.Node]) -> bool:
    return any(use.node not in component for use in value.uses())
