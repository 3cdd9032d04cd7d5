"""What writing and verifying an array counts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.ledger.tally import COINCIDENCES, COL_PULSES, CONVERSIONS, DOSE, ROW_PULSES, VERIFY_READS


def tally_rounds(
    table: NDArray[Any], array: CrossbarArray, record: ArrayRecord, rounds_per_row: int, pulses: int
) -> NDArray[np.int64]:
    """Count the rounds of programming an array.

    Args:
        table: [blocks, columns] of the tally, of the operation; added to.
        array: as it was just written.
        record: with its blocks.
        rounds_per_row: of write and read.
        pulses: per device and round.

    Returns:
        Rounds of each block.
    """
    rounds = np.array([b.rows * rounds_per_row for b in record.blocks], np.int64)
    cols = np.array([b.cols for b in record.blocks], np.int64)
    own = table[: len(rounds)]
    own[:, ROW_PULSES] += rounds * pulses
    own[:, COL_PULSES] += rounds * pulses * cols
    own[:, COINCIDENCES] += rounds * pulses * cols
    own[:, VERIFY_READS] += rounds
    own[:, CONVERSIONS] += rounds * cols
    # A verifying read drives one row alone with a full input: every cell conducts once a round.
    own[:, DOSE] += rounds_per_row * array.block_conductance()
    return rounds
