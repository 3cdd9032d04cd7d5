"""The page docs/operators.md, written from the registries."""

import sys
from collections.abc import Iterable
from pathlib import Path

from ohmflow.compiler.autodiff.registry import losses, operators, optimizers

_HEAD = """# Operators

Written by `python -m ohmflow.compiler.autodiff.coverage docs/operators.md` from the registries.

These ONNX operators (opset 21, float32) can be trained. `g` is the gradient of the output `y`, a bar marks the
gradient of an input. Constant, Identity and a Dropout that is off are removed when a model is read, Split becomes one
Slice for each part, and what depends on constants alone is computed then. Conv and pools may give `auto_pad` and
`ceil_mode`; a pool's indices can not be used.

| operator | gradient | defined in |
|---|---|---|
"""

_ARRAYS = """
## Array operators

MatMul and Gemm whose weight is a trainable initialiser of rank 2 (or its Transpose) become `ohmflow::mvm(x, w)`, on
crossbars; a Conv with trainable weights becomes the same product of its windows. Gradient: `ohmflow::mvm_t(g, w)` for
x, and the pair (x, g) for w, which `ohmflow::update` takes as it is.
A product stays digital, and the report says why, when it reads a weight that something else uses too, when its input
does not depend on the batch, or when transA is 1.

## What is trained

A float32 initialiser of rank 1 or more that the loss depends on, is trained: on a crossbar if it is an array, by the
digital optimiser otherwise. Constant nodes, scalars and other types are fixed.

What a digital parameter's optimiser remembers is state of the chip: it is read and replaced in every step, and not
exported.

## In training and in inference

**BatchNormalization** normalises by the batch's own statistics in training, and by running statistics in inference,
whether the model was exported in training mode or not. In each step, running ← momentum·running + (1 − momentum)·batch,
with the population variance, as ONNX defines it. Running statistics are initialisers of the model: inference on the
chip reads them, and the trained model holds them. A batch that is read sample by sample (`--update-at sample`) is
normalised sample by sample. Every reduction over the batch is a barrier: two forward, one backward.

**Dropout** with `training_mode` true drops in training and does nothing in inference. The mask is drawn by the machine
from the run's seed, for each step, sample and element, and the host sends it with the sample. A Dropout without
`training_mode` is off.

## The batch

The first dimension of every input is the batch, and no node may mix samples, but for the statistics above: a Softmax
along the batch, a Transpose that moves it, or a Reshape that splits it is refused. All other dimensions are fixed.
"""


def operators_page() -> str:
    """Return the text of docs/operators.md."""
    rows = [
        f"| {operator.op_type} | {operator.summary} | `{operator.module.rpartition('.')[2]}` |"
        for operator in operators().values()
    ]
    lists = f"\nLosses: {_names(losses())}.\n\n| optimiser of digital parameters | what it does |\n|---|---|\n"
    rules = [f"| `{name}` | {_summary(rule.__module__)} |" for name, rule in optimizers().items()]
    return _HEAD + "\n".join(rows) + "\n" + lists + "\n".join(rules) + "\n" + _ARRAYS


def _summary(module: str) -> str:
    """First line of a module's docstring."""
    return (sys.modules[module].__doc__ or "").strip().splitlines()[0]


def _names(entries: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in entries)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(operators_page(), encoding="utf-8")
