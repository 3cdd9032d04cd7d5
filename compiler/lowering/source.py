"""The source model that a program carries, so that trained weights can go back where they came from."""

import hashlib
from pathlib import Path

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayGraph
from ohmflow.compiler.arrays.inline import inline_reference
from ohmflow.compiler.lowering.lower import Lowered


def source_for_export(source: str | Path | onnx.ModelProto, graph: ArrayGraph, lowered: Lowered) -> tuple[bytes, str]:
    """Choose the model whose initialisers a run will replace.

    It is the user's own model when every trained value is an initialiser there; where weights were computed from
    constants, it is the compiler's normalised form of it, which computes the same.

    Args:
        source: what the compiler was given.
        graph: its array graph.
        lowered: which states there are.

    Returns:
        The serialised model, external data included, and the sha256 of the source.
    """
    model = source if isinstance(source, onnx.ModelProto) else onnx.load(Path(source), load_external_data=True)
    data = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    stored = {t.name: tuple(t.dims) for t in model.graph.initializer}
    wanted: dict[str, tuple[int, ...]] = {
        a.initializer: ((a.cols, a.rows) if a.transposed else (a.rows, a.cols)) for a in graph.arrays
    }
    wanted |= {s.initializer: s.shape for s in lowered.states if s.initializer}
    if all(stored.get(name) == shape for name, shape in wanted.items()):
        return data, digest
    plain = ir.to_proto(inline_reference(graph.model))
    return plain.SerializeToString(deterministic=True), digest
