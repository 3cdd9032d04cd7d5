"""The page docs/operators.md, written from the registries."""

import sys
from collections.abc import Iterable
from pathlib import Path

from ohmflow.compiler.autodiff.registry import losses, operators, optimizers

_HEAD = """# Operators

Written by `python -m ohmflow.compiler.autodiff.coverage docs/operators.md` from the registries.

These ONNX operators (opset 21, float32) can be trained. `g` is the gradient of the output `y`, a bar marks the
gradient of an input. Constant, Dropout in inference mode and Identity are removed when a model is read, and what
depends on constants alone is computed then.

| operator | gradient | defined in |
|---|---|---|
"""

_ARRAYS = """
## Array operators

MatMul and Gemm whose weight is a trainable initialiser of rank 2 (or its Transpose) become `ohmflow::mvm(x, w)`, on
crossbars. Gradient: `ohmflow::mvm_t(g, w)` for x, and the pair (x, g) for w, which `ohmflow::update` takes as it is.
A product stays digital, and the report says why, when it reads a weight that something else uses too, when its input
does not depend on the batch, or when transA is 1.

## What is trained

A float32 initialiser of rank 1 or more that the loss depends on, is trained: on a crossbar if it is an array, by the
digital optimiser otherwise. Constant nodes, scalars and other types are fixed.

## The batch

The first dimension of every input is the batch, and no node may mix samples: a Softmax along the batch, a Transpose
that moves it, or a Reshape that splits it is refused. All other dimensions are fixed.
"""


def operators_page() -> str:
    """Return the text of docs/operators.md."""
    rows = [
        f"| {operator.op_type} | {operator.summary} | `{operator.module.rpartition('.')[2]}` |"
        for operator in operators().values()
    ]
    lists = f"\nLosses: {_names(losses())}. Optimisers of digital parameters: {_names(optimizers())}.\n"
    return _HEAD + "\n".join(rows) + "\n" + lists + _ARRAYS


def _names(entries: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in entries)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(operators_page(), encoding="utf-8")
