"""Programs from tile IR written by hand, with digital segments as ONNX nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ohmflow.compiler.emit.assemble import assemble
from ohmflow.compiler.mapping.assign import assign
from ohmflow.compiler.program.program import ArrayRecord, Port, Program, SegmentRecord, StateRecord
from ohmflow.compiler.tile.attributes import BlockTable
from ohmflow.compiler.tile.dialect import parse_tile, print_tile, verify_tile
from ohmflow.compiler.tile.entry import SegmentOp
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.targets.schema.target import Target

_DOMAIN = "ohmflow.segment"
_NUMPY = {"f32": "float32", "i64": "int64", "i1": "bool", "index": "int64"}


@dataclass(frozen=True)
class Body:
    """The ONNX of a segment: names of its inputs and outputs, and its nodes."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[onnx.NodeProto, ...]


def body(inputs: str, outputs: str, *nodes: onnx.NodeProto) -> Body:
    """A body; names are separated by spaces."""
    return Body(tuple(inputs.split()), tuple(outputs.split()), nodes)


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by spaces."""
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def constant(name: str, value: Any) -> onnx.NodeProto:
    """A constant."""
    return helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(np.asarray(value), name))


def hand_program(
    text: str,
    bodies: Mapping[str, Body],
    weights: Mapping[str, np.ndarray],
    target: Target,
    alphas: Mapping[str, float] | None = None,
    packing: str = "share",
) -> Program:
    """Map and emit tile IR.

    Args:
        text: verified here; its arrays have no blocks yet.
        bodies: ONNX of its segments.
        weights: initial values of arrays and states; states default to zero.
        target: what it is for.
        alphas: of arrays, 1 by default.
        packing: of blocks.
    """
    module = parse_tile(text, "hand.mlir")
    verify_tile(module)
    ops = list(module.body.block.ops)
    shapes = {op.sym_name.data: op.shape for op in ops if isinstance(op, ArrayOp)}
    blocks = assign(shapes, target, packing)
    for op in ops:
        if isinstance(op, ArrayOp):
            rows = [(b.row0, b.col0, b.rows, b.cols, b.tile, b.tile_row, b.tile_col) for b in blocks[op.sym_name.data]]
            op.properties["blocks"] = BlockTable.of(rows)
    verify_tile(module)
    arrays = tuple(
        ArrayRecord(name, *shape, (alphas or {}).get(name, 1.0), "sgd", name, False, blocks[name])
        for name, shape in shapes.items()
    )
    states = tuple(_state(op) for op in ops if isinstance(op, StateOp))
    segments = tuple(_segment(op, bodies[op.sym_name.data]) for op in ops if isinstance(op, SegmentOp))
    entries, chip, memory = assemble(module, arrays, states, segments, target)
    start = {s.name: np.zeros(s.shape, s.dtype) for s in states} | dict(weights)
    return Program(
        manifest={
            "model": "hand",
            "target": target.name,
            "target_hash": target.content_hash,
            "memory": {e: {unit: list(sizes) for unit, sizes in units.items()} for e, units in memory.items()},
        },
        arrays=arrays,
        states=states,
        segments=segments,
        entries=entries,
        chip=chip,
        weights=start,
        tile_ir=print_tile(module),
        segments_onnx=_functions(bodies),
        source_onnx=b"",
    )


def _state(op: StateOp) -> StateRecord:
    return StateRecord(op.sym_name.data, op.kind.data, _NUMPY[str(op.type.element_type)], tuple(op.type.dims))


def _segment(op: SegmentOp, given: Body) -> SegmentRecord:
    rowed = op.kind.data == "row"
    return SegmentRecord(
        op.sym_name.data,
        op.kind.data,
        tuple(_port(n, t, rowed) for n, t in zip(given.inputs, op.input_types, strict=True)),
        tuple(_port(n, t, rowed) for n, t in zip(given.outputs, op.output_types, strict=True)),
        tuple(n.op_type for n in given.nodes),
    )


def _port(name: str, kind: Any, rowed: bool) -> Port:
    if isinstance(kind, ScalarType):
        return Port(name, _NUMPY[str(kind.element_type)], ())
    free: list[int | str] = ["batch"] if rowed else []
    while isinstance(kind, StashType):
        free.append("batch" if not free else f"trip{len(free)}")
        kind = kind.element_type
    assert isinstance(kind, VecType)
    return Port(name, _NUMPY[str(kind.element_type)], (*free, *kind.dims))


def _functions(bodies: Mapping[str, Body]) -> bytes:
    opset: Sequence[onnx.OperatorSetIdProto] = [helper.make_opsetid("", 21)]
    functions = [
        helper.make_function(_DOMAIN, name, list(b.inputs), list(b.outputs), list(b.nodes), list(opset))
        for name, b in bodies.items()
    ]
    model = helper.make_model(
        helper.make_graph([], "segments", [], []),
        functions=functions,
        opset_imports=[*opset, helper.make_opsetid(_DOMAIN, 1)],
        ir_version=10,
    )
    return bytes(model.SerializeToString(deterministic=True))
