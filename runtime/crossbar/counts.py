"""What reads and updates report back."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class ReadCounts(NamedTuple):
    """What the reads of a call did. Arrays without converters count nothing.

    Attributes:
        retries: [n, blocks] int32, repetitions of each vector's read.
        driven: [blocks] int64, input lines with a non-zero code, over all vectors and attempts.
        conversions: [blocks] int64, output lines converted, over all vectors and attempts.
        dose: [blocks] float64, siemens: Σ abs(u)·(conductance sum of the line, reference included), over all attempts;
            0 without a conductance range.
    """

    retries: npt.NDArray[np.int32]
    driven: npt.NDArray[np.int64]
    conversions: npt.NDArray[np.int64]
    dose: npt.NDArray[np.float64]


class UpdateCounts(NamedTuple):
    """What the updates of a call did.

    Attributes:
        train_length: [n] int32, slots of each vector's train.
        row_pulses: [blocks] int64, pulses fired on the block's row lines.
        col_pulses: [blocks] int64, pulses fired on the block's column lines.
        coincidences: [blocks] int64, pulses at its devices.
        half_moves: [blocks] int64, half-selected pulses that moved its devices; 0 where half-selected devices do not
            move. Devices of other arrays on the same physical lines are not among them.
        clipped: vectors that wanted a longer train than BL_max.
        lost: vectors with x and d not zero that pulsed no device.
        vectors: vectors of the call.
    """

    train_length: npt.NDArray[np.int32]
    row_pulses: npt.NDArray[np.int64]
    col_pulses: npt.NDArray[np.int64]
    coincidences: npt.NDArray[np.int64]
    half_moves: npt.NDArray[np.int64]
    clipped: int
    lost: int
    vectors: int
