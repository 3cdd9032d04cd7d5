"""The source model that a program carries, so that trained weights can go back where they came from."""

import hashlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayGraph, ArrayInfo
from ohmflow.compiler.arrays.inline import inline_reference
from ohmflow.compiler.frontend.inference_form import inference_form, remove_dead_nodes
from ohmflow.compiler.lowering.lower import Lowered


def source_for_export(
    source: str | Path | onnx.ModelProto, graph: ArrayGraph, lowered: Lowered
) -> tuple[bytes, str, bool]:
    """Choose the model whose initialisers a run will replace, as it infers.

    It is the user's own model when every trained value is an initialiser there; where weights were computed from
    constants, it is the compiler's normalised form of it, which computes the same.

    Args:
        source: what the compiler was given.
        graph: its array graph.
        lowered: which states there are.

    Returns:
        The serialised model, external data included; the sha256 of the source; and whether it is the user's own, so
        that arrays go back to their initialisers there, or the normalised form, which holds them as they are.
    """
    model = source if isinstance(source, onnx.ModelProto) else onnx.load(Path(source), load_external_data=True)
    data = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    stored = {t.name: tuple(t.dims) for t in model.graph.initializer}
    if _holds_arrays(stored, graph.arrays) and all(
        stored.get(s.initializer) == s.shape for s in lowered.states if s.initializer
    ):
        exported = onnx.ModelProto()
        exported.CopyFrom(inference_form(model))
        exported.graph.ClearField("value_info")  # not believed here either: see `ohmflow.compiler.frontend.reading`
        remove_dead_nodes(exported)
        return exported.SerializeToString(deterministic=True), digest, True
    plain = ir.to_proto(inline_reference(graph.model))
    return plain.SerializeToString(deterministic=True), digest, False


def _holds_arrays(stored: Mapping[str, tuple[int, ...]], arrays: Sequence[ArrayInfo]) -> bool:
    """Whether every array is an initialiser, or a part of one, of the source: a matrix, or weights of a convolution."""
    for info in arrays:
        shape = stored.get(info.initializer)
        if shape is None:
            return False
        if len(shape) == 2:
            fits = shape == ((info.cols, info.rows) if info.transposed else (info.rows, info.cols))
        else:
            outputs = shape[0] if info.part is None else info.part[1] - info.part[0]
            fits = (outputs, prod(shape[1:])) == (info.cols, info.rows)
        if not fits:
            return False
    return True
