"""From the sentences of an error to refusals: which node, what is missing, what works instead.

Every error of ours is one sentence a fault, `where: what must be <constraint>, not <value>; do this`, and a place in a
model is `model.onnx: node 'conv1'`; goldens in tests/golden/errors hold that rule for all of them.
"""

from collections.abc import Iterable

import onnx_ir as ir

from ohmflow.compiler.arrays.location import source_of
from ohmflow.compiler.arrays.shapes import infer_shapes
from ohmflow.compiler.errors import CompilerError
from ohmflow.compiler.explain.explanation import Refusal
from ohmflow.compiler.frontend.batch import row_faults


def refusals_of(error: Exception, model: ir.Model | None) -> tuple[Refusal, ...]:
    """Take an error apart, and look for what else would be refused behind it.

    Args:
        error: of a stage of the compiler.
        model: how far the front end came, or None.
    """
    sentences = str(error).splitlines()
    if model is not None:
        sentences += _more(model)
    names = [] if model is None else [node.name or "" for node in model.graph]
    source = "model" if model is None else source_of(model)
    return tuple(_refusal(sentence, source, names) for sentence in dict.fromkeys(sentences))


def _more(model: ir.Model) -> list[str]:
    """Faults that the first error hid: those of nodes whose shapes are known all the same."""
    known = model.clone()
    try:
        infer_shapes(known, complete=False)
    except CompilerError:
        return []
    return row_faults(known)


def _refusal(sentence: str, source: str, names: Iterable[str]) -> Refusal:
    node = next((name for name in names if sentence.startswith(f"{source}: node '{name}': ")), None)
    text = sentence.removeprefix(f"{source}: ").removeprefix(f"node '{node}': ")
    missing, _, instead = text.partition("; ")
    return Refusal(node, missing, instead, sentence)
