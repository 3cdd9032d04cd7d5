"""What really happened on the crossbars, per operation and block: the value engine's part of the bill."""

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.counts import ReadCounts, RefreshCounts, UpdateCounts

DRIVEN, CONVERSIONS, DOSE, ROW_PULSES, COL_PULSES, COINCIDENCES, VERIFY_READS = range(7)
"""Columns of a tally: driven lines × attempts; converted lines × attempts; read dose, siemens; pulses on rows and on
columns; coincidences; lines driven by the reads that verify a write."""

COLUMNS = 7


class Tally:
    """Counts of one entry: float64 [operations, blocks, COLUMNS], added up until they are taken."""

    def __init__(self, operations: int, blocks: int) -> None:
        self.table: NDArray[np.float64] = np.zeros((operations, max(blocks, 1), COLUMNS))

    def add_read(self, row: int, counts: ReadCounts) -> None:
        """Add what the reads of operation `row` did, block by block."""
        table = self.table[row, : len(counts.conversions)]
        table[:, DRIVEN] += counts.driven
        table[:, CONVERSIONS] += counts.conversions
        table[:, DOSE] += counts.dose

    def add_pulses(self, row: int, counts: UpdateCounts, offset: int = 0) -> None:
        """Add the pulses of operation `row`; the first of its array's blocks stands at `offset`."""
        table = self.table[row, offset : offset + len(counts.coincidences)]
        table[:, ROW_PULSES] += counts.row_pulses
        table[:, COL_PULSES] += counts.col_pulses
        table[:, COINCIDENCES] += counts.coincidences
        if counts.refresh is not None:
            self._add_refresh(table, counts.refresh)

    @staticmethod
    def _add_refresh(table: NDArray[np.float64], done: RefreshCounts) -> None:
        """Add reads, resets and pulses of a refresh, which are of one row at a time, all its columns at once."""
        fired = done.resets + done.pulses
        table[:, ROW_PULSES] += done.reads - done.rows  # a pulse or a reset before each read but a row's first
        table[:, COL_PULSES] += fired
        table[:, COINCIDENCES] += fired
        table[:, VERIFY_READS] += done.reads
        table[:, CONVERSIONS] += done.conversions
        table[:, DOSE] += done.dose

    def take(self) -> NDArray[np.float64]:
        """Return what was added since the last call, and start again from zero."""
        taken, self.table = self.table, np.zeros_like(self.table)
        return taken


class UpdateStatistics:
    """Vector updates of one array: how many, clipped, lost; and half-selected pulses that moved its devices.

    `docs/semantics.md` says what these are.
    """

    def __init__(self) -> None:
        self.vectors = 0
        self.clipped = 0
        self.lost = 0
        self.half_moves = 0

    def add(self, counts: UpdateCounts) -> None:
        """Add one call's counts."""
        self.vectors += counts.vectors
        self.clipped += counts.clipped
        self.lost += counts.lost
        self.half_moves += int(counts.half_moves.sum())
