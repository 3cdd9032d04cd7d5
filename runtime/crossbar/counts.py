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


class RefreshCounts(NamedTuple):
    """What devices that need it were given after the updates of a call, apart from the updates' pulses.

    A row of a block is read; then its devices that are due are reset, and the row is read; then all that need another
    pulse get it, and the row is read, until none does. So a row has two more reads than its weight with the most
    pulses has pulses.

    Attributes:
        rows: [blocks] int64, rows of the block in which a weight was due.
        row_reads: [blocks, rows of the largest] int64, reads of each row.
        conversions: [blocks] int64, columns that those reads converted.
        resets: [blocks] int64, devices of the block that were reset, by a pulse each.
        pulses: [blocks] int64, pulses that programmed them anew.
        device_pulses: [rows, cols] int32, pulses that each weight's devices took together, resets included.
        dose: [blocks] float64, siemens: conductance of the rows, references included, over their reads; 0 without a
            conductance range.
    """

    rows: npt.NDArray[np.int64]
    row_reads: npt.NDArray[np.int64]
    conversions: npt.NDArray[np.int64]
    resets: npt.NDArray[np.int64]
    pulses: npt.NDArray[np.int64]
    device_pulses: npt.NDArray[np.int32]
    dose: npt.NDArray[np.float64]

    @property
    def reads(self) -> npt.NDArray[np.int64]:
        """[blocks] reads of rows: the rounds of the refresh, which a tile does one after the other."""
        total: npt.NDArray[np.int64] = self.row_reads.sum(axis=1)
        return total


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
        refresh: what devices with a refresh were given; None where nothing was due.
    """

    train_length: npt.NDArray[np.int32]
    row_pulses: npt.NDArray[np.int64]
    col_pulses: npt.NDArray[np.int64]
    coincidences: npt.NDArray[np.int64]
    half_moves: npt.NDArray[np.int64]
    clipped: int
    lost: int
    vectors: int
    refresh: RefreshCounts | None = None
