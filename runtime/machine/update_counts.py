"""What the clock is told of updates."""

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.counts import UpdateCounts


def clocked(counts: UpdateCounts, width: int) -> NDArray[np.int64]:
    """Counts of updates for the clock.

    Args:
        counts: what the updates of a call did.
        width: counts of each of them: 1, or as many more as there are blocks, on devices that may need a refresh.

    Returns:
        [vectors, width]: the length of each one's train; then, for each block, the rounds of the refresh, which
        comes behind the last one.
    """
    told = np.zeros((len(counts.train_length), width), np.int64)
    told[:, 0] = counts.train_length
    if counts.refresh is not None and width > 1:
        told[-1, 1:] = counts.refresh.reads
    return told
