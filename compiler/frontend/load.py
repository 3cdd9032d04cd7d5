"""`load_model`: the order of the front end's steps."""

from collections.abc import Callable
from pathlib import Path

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.location import set_source
from ohmflow.compiler.frontend.batch import check_rows, infer_with_batch, make_batch_symbolic
from ohmflow.compiler.frontend.ceil_mode import settle_ceil_mode
from ohmflow.compiler.frontend.checks import check_inputs, check_operators, check_sizes, check_types, check_values
from ohmflow.compiler.frontend.folding import fold_constants
from ohmflow.compiler.frontend.normalise import convert, remove_leftovers, remove_unused, unique_node_names
from ohmflow.compiler.frontend.reading import read
from ohmflow.compiler.frontend.splits import slice_splits
from ohmflow.compiler.frontend.stand_ins import put_stand_ins
from ohmflow.compiler.frontend.window_attributes import explicit_windows

Watch = Callable[[str, ir.Model], None]
"""Is told the name of a step that was done, and the model as it is then, which the next step goes on to change."""


def load_model(source: str | Path | onnx.ModelProto, watch: Watch | None = None, structure: bool = False) -> ir.Model:
    """Read a model and bring it to the form that the compiler works on.

    Args:
        source: a file, or a model in memory. External data are read from inside the file's folder only.
        watch: told of the steps `named` (every node of the source is there, and has a name), `leftovers` (without
            Constant, Identity and the like), `folded` (without what depends on constants alone), `used` (without what
            no output depends on) and `done`.
        structure: put stand-ins in the place of operators that can not be trained, see `stand_ins`.

    Returns:
        A model of IR version 10 and opset 21 without functions, Constant, Split and Identity (but for an Identity from
        an input to an output). A Dropout is one that is on, a BatchNormalization is written as in inference; Conv and
        pools say all attributes of their windows, without `auto_pad`. Every node has one output and a name of its own;
        every value has a type and a shape, whose first dimension is `batch` where it depends on an input.

    Raises:
        ModelError: the source is not a sound ONNX model with float32 inputs and finite weights.
        UnsupportedError: an operator, a type, or a use of the batch that ohmflow does not support.
    """
    proto, name = read(source)
    model = convert(proto, name)
    set_source(model, name)
    check_inputs(model)
    told = watch or _nobody
    unique_node_names(model)
    told("named", model)
    remove_leftovers(model)
    told("leftovers", model)
    fold_constants(model)
    told("folded", model)
    settle_ceil_mode(model)
    make_batch_symbolic(model)
    remove_unused(model)
    told("used", model)
    if structure:
        infer_with_batch(model)
        put_stand_ins(model)
    check_operators(model)
    infer_with_batch(model)
    check_types(model)
    check_sizes(model)
    slice_splits(model)
    explicit_windows(model)
    check_rows(model)
    check_values(model)
    told("done", model)
    return model


def _nobody(step: str, model: ir.Model) -> None:
    """Watch nothing."""
