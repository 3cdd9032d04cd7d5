"""What array extraction returns."""

from dataclasses import dataclass

import onnx_ir as ir


@dataclass(frozen=True)
class ArrayInfo:
    """One weight matrix that goes to crossbars."""

    name: str
    """Symbol of the array, also the name of its initialiser in the array graph; [A-Za-z_][A-Za-z0-9_.]*."""
    initializer: str
    """Name of the initialiser in the source model."""
    transposed: bool
    """Whether the source stores [cols, rows], the transpose of the array."""
    rows: int
    """Inputs of a forward read."""
    cols: int
    """Outputs of a forward read."""
    nodes: tuple[str, ...]
    """Names of the source nodes that read the array, in forward order: node k is site k."""
    part: tuple[int, int] | None = None
    """Rows (begin, end) of the source initialiser that the array holds, one group's of a convolution; None for all."""


@dataclass(frozen=True)
class ArrayGraph:
    """A graph whose matrix products with weights are array operators `ohmflow::mvm`.

    The model is shared, not copied: whoever changes it works on a clone.
    """

    model: ir.Model
    arrays: tuple[ArrayInfo, ...]
    digital: tuple[tuple[str, str], ...]
    """(node, reason) for each matrix product that stayed digital."""
