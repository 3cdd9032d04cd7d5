"""What differentiation returns."""

from dataclasses import dataclass

import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayInfo


@dataclass(frozen=True)
class LabelInfo:
    """The target that a loss compares with, an input of the training graph."""

    name: str
    dtype: ir.DataType
    shape: tuple[int | str, ...]
    """The first dimension is `batch`."""


@dataclass(frozen=True)
class ParameterInfo:
    """A digital parameter: an initialiser that the optimiser changes."""

    name: str
    """Also the name of the initialiser, as in the source model."""
    shape: tuple[int, ...]
    next: str
    """Name of the output that carries its next value."""


@dataclass(frozen=True)
class StateInfo:
    """A state that is not trained by a gradient: a running statistic, or what an optimiser remembers."""

    name: str
    """Name of the initialiser that holds it."""
    shape: tuple[int, ...]
    next: str
    """Name of the output that carries its next value."""
    kind: str
    """Kind of the tile IR's state: `statistic`, `hidden` or `counter`."""
    exported: bool
    """Whether the source model has this initialiser, and gets its value back."""


@dataclass(frozen=True)
class MaskInfo:
    """A random input: each element is 1 with probability `keep`, else 0."""

    name: str
    keep: float


@dataclass(frozen=True)
class UpdateInfo:
    """One update of an array, from one site."""

    array: str
    site: int
    next: str
    """Name of the value after the update: what the next site's update starts from, the array's output at last."""


@dataclass(frozen=True)
class TrainingGraph:
    """One training step: forward, loss, backward and updates in one model.

    Inputs: the data inputs, the masks, the label, `lr` (float32, scalar), `inv_batch` (float32, scalar: 1/B of this
    step). Outputs: the model's own, the loss, and the next value of every array, parameter and state, which are
    initialisers. Every node works row by row in the batch, except the reductions over axis 0: the loss's ReduceMean,
    the ReduceSum of parameters' gradients, batch statistics, and the sum inside `ohmflow::update`.
    """

    model: ir.Model
    arrays: tuple[ArrayInfo, ...]
    data_inputs: tuple[str, ...]
    label: LabelInfo
    lr: str
    inv_batch: str
    outputs: tuple[str, ...]
    """The model's own outputs."""
    loss: str
    """Name of the mean loss, a scalar."""
    loss_rows: str
    """Name of the loss of each sample, [batch]; not an output."""
    parameters: tuple[ParameterInfo, ...]
    updates: tuple[UpdateInfo, ...]
    loss_kind: str
    optimizer: str
    states: tuple[StateInfo, ...] = ()
    masks: tuple[MaskInfo, ...] = ()
