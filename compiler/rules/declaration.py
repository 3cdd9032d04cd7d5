"""What a rule needs beside the array that it trains: arrays, digital state, digital segments, random numbers.

Everything declared here is named by a short *part* name; in the tile IR it stands as `LAYER.part`. Auxiliary arrays
are placed on tiles of their own, written with their initial value in the entry `program`, and checkpointed; state
lives in the memory of a vector unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import f32, i1, i64

from ohmflow.compiler.tile.tile_types import ScalarType, VecType

MAIN = ""
"""Part name of the array that is trained."""

_ELEMENTS = {"f32": f32, "i64": i64, "i1": i1}


def vec(*dims: int, of: str = "f32") -> VecType:
    """Type of a vector, a matrix, or with no dimensions one number.

    Args:
        dims: its shape.
        of: element type, `f32`, `i64` or `i1`.
    """
    return VecType(dims, _ELEMENTS[of])


def scalar() -> ScalarType:
    """Type of a number of the run that does not change within a step, such as the learning rate."""
    return ScalarType(f32)


@dataclass(frozen=True)
class AuxiliaryArray:
    """One more array of the layer's shape.

    Attributes:
        part: its name.
        alpha: logical weight = alpha · device weight.
        gain: share in what the layer computes: W = main + Σ gain · part. 0: it is not read with the layer.
        initial: logical value that it starts with, everywhere.
    """

    part: str
    alpha: float
    gain: float = 0.0
    initial: float = 0.0


@dataclass(frozen=True)
class RuleState:
    """Digital state that outlives a step.

    Attributes:
        part: its name.
        kind: `counter`, `hidden` (a matrix H, or anything of the kind), `statistic` or `chopper` (signs).
        type: what it holds; a matrix may be read and written line by line.
        initial: one number, or values of the type's shape.
    """

    part: str
    kind: str
    type: VecType
    initial: float | int | NDArray[Any] = 0

    def value(self) -> NDArray[Any]:
        """Its initial value, in its shape and element type."""
        dtype = {f32: np.float32, i64: np.int64, i1: np.bool_}[self.type.element_type]  # type: ignore[index]
        return np.broadcast_to(np.asarray(self.initial, dtype), tuple(self.type.dims)).copy()


@dataclass(frozen=True)
class RuleSegment:
    """A digital segment: standard ONNX that a vector unit runs.

    Attributes:
        part: its name.
        inputs: names and types.
        outputs: names and types.
        body: statements of ONNX text (`onnx.parser`), such as `next = Add (n, one)`. Inside, every vec has one axis in
            front for the sample, so a `vec(6)` is [1, 6] (or [B, 6] in a map over samples); a scalar has none.
            With `whole`, vecs come and go as they are.
        simple: elements that it processes with add, multiply, compare, select.
        special: elements that it processes with exp, log, tanh, division, root.
        whole: whether operands have no axis for the sample.
    """

    part: str
    inputs: Sequence[tuple[str, VecType | ScalarType]]
    outputs: Sequence[tuple[str, VecType]]
    body: str
    simple: int
    special: int = 0
    whole: bool = False


@dataclass(frozen=True)
class RuleDraw:
    """Random zeros and ones, drawn by the machine for every sample of a step from a counter-based stream.

    Attributes:
        part: its name.
        type: of one sample's draw, elements f32.
        keep: probability of a 1.
    """

    part: str
    type: VecType
    keep: float


@dataclass(frozen=True)
class Declaration:
    """All that a rule needs for one layer.

    Attributes:
        arrays, states, segments, draws: by part name; names are unique among all of them.
    """

    arrays: tuple[AuxiliaryArray, ...] = ()
    states: tuple[RuleState, ...] = ()
    segments: tuple[RuleSegment, ...] = ()
    draws: tuple[RuleDraw, ...] = ()
    composite: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether the layer is read as a composite."""
        object.__setattr__(self, "composite", any(a.gain != 0 for a in self.arrays))

    @property
    def devices_per_weight(self) -> int:
        """Crossbar devices for each weight of the layer."""
        return 1 + len(self.arrays)

    @property
    def state_words(self) -> int:
        """Digital words that the layer needs."""
        return sum(prod(state.type.dims) for state in self.states)
