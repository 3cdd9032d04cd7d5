"""A compiled program: what the machine runs, and what is needed to give back a trained ONNX model.

The program is self-contained: tables of integers, weights by name, digital segments as ONNX, the source model, and the
target's name, hash and resolved text. `storage.py` writes and reads it as a folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry

FORMAT_VERSION = 3
"""Version of the program folder; a reader refuses what it does not know."""


@dataclass(frozen=True)
class BlockRecord:
    """A rectangle of an array, at home on one tile.

    Attributes:
        row0, col0: logical origin in the array.
        rows, cols: extent.
        tile: tile number.
        tile_row, tile_col: physical origin on the tile.
    """

    row0: int
    col0: int
    rows: int
    cols: int
    tile: int
    tile_row: int
    tile_col: int


@dataclass(frozen=True)
class ArrayRecord:
    """A weight matrix that lives on crossbars.

    Attributes:
        name: symbol of the tile IR, key of its weights.
        rows, cols: logical shape; rows are inputs of a forward read.
        alpha: logical weight = alpha · device weight.
        rule: update rule.
        initializer: the source model's initialiser.
        transposed: whether that initialiser is stored [cols, rows].
        blocks: where its weights are.
        part: rows (begin, end) of the initialiser that the array holds, or None for all.
        layer: for an auxiliary array of a rule, the array that it helps to train; else empty. It has no initialiser.
        gain: share of an auxiliary array in what its layer computes: W = main + sum of gain · auxiliary.
    """

    name: str
    rows: int
    cols: int
    alpha: float
    rule: str
    initializer: str
    transposed: bool
    blocks: tuple[BlockRecord, ...]
    part: tuple[int, int] | None = None
    layer: str = ""
    gain: float = 1.0


@dataclass(frozen=True)
class StateRecord:
    """Named mutable state outside the crossbars: a digital parameter, a counter, a hidden matrix.

    Attributes:
        name: symbol of the tile IR, key of its initial value.
        kind: `parameter`, `counter`, `hidden`, `statistic` or `chopper`.
        dtype: numpy name.
        shape: its shape.
        initializer: the source model's initialiser, or empty.
        layer: the array whose rule it belongs to, or empty.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    initializer: str = ""
    layer: str = ""


@dataclass(frozen=True)
class Port:
    """A digital segment's input or output: name, numpy dtype, shape with `batch` where the batch stands."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class SegmentRecord:
    """A digital segment, executed by ONNX Runtime.

    Attributes:
        name: symbol of the tile IR and name of its function in `segments.onnx`.
        kind: `row` (each row by itself) or `batch` (all rows at once).
        inputs, outputs: its ports.
        operators: operator types, for reports.
    """

    name: str
    kind: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class UnitRecord:
    """A unit with an instruction stream: `kind` is `tile`, `vector` or `host`; it sits at node (x, y)."""

    name: str
    kind: str
    x: int
    y: int
    index: int


@dataclass(frozen=True)
class Chip:
    """The chip as the clock sees it.

    Attributes:
        units: in the order of their numbers.
        links: names of the links, in the order of their numbers.
        link_router: node (x, y) of the router that is charged for each link.
        hop: cycles of each link.
        mesh: columns and rows of nodes, or None on a target without time.
        tiles: tiles of the whole chip, or None when unlimited.
        clock_hz: or None.
        flit_cycles: cycles that each flit takes each link; all 1 when not given.
        crossing: of each link, whether it leads from one chip of a package to another; none when not given.
        chips: columns and rows of chips of a package, or None for one chip.
    """

    units: tuple[UnitRecord, ...]
    links: tuple[str, ...]
    link_router: tuple[tuple[int, int], ...]
    hop: NDArray[np.int32]
    mesh: tuple[int, int] | None
    tiles: int | None
    clock_hz: float | None
    flit_cycles: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    crossing: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    chips: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Take all links for ones inside a chip when nothing is said of them."""
        if not len(self.flit_cycles):
            object.__setattr__(self, "flit_cycles", np.ones(len(self.hop), np.int32))
        if not len(self.crossing):
            object.__setattr__(self, "crossing", np.zeros(len(self.hop), np.bool_))


@dataclass(frozen=True)
class Program:
    """A compiled model.

    Attributes:
        manifest: versions, hashes and choices fixed when compiling, as plain JSON values.
        arrays, states, segments: what the operations' symbol numbers index.
        entries: by name.
        chip: units and links.
        weights: initial logical weights of arrays and values of states, by name.
        tile_ir: the placed tile IR as text.
        segments_onnx: serialised model holding the segments as functions.
        source_onnx: the source model as it was given to the compiler, serialised.
    """

    manifest: Mapping[str, Any]
    arrays: tuple[ArrayRecord, ...]
    states: tuple[StateRecord, ...]
    segments: tuple[SegmentRecord, ...]
    entries: Mapping[str, Entry]
    chip: Chip
    weights: Mapping[str, NDArray[Any]]
    tile_ir: str
    segments_onnx: bytes
    source_onnx: bytes

    @property
    def pipelined(self) -> tuple[str, ...]:
        """Entries of which an execution is one sample, and executions overlap (`ohmflow.compiler.program.beats`)."""
        return tuple(e for e in self.entries if e == "train_step" and self.manifest.get("schedule") == "pipelined")

    def array_number(self, name: str) -> int:
        """Number of the array called `name`."""
        return [a.name for a in self.arrays].index(name)
