"""Converters that are not alike: gains and offsets of the lines of each block, drawn once."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.draws import KIND_COLUMN, KIND_ROW, Purpose, fold, key_of, line_offset, mix, normal
from ohmflow.runtime.crossbar.spec import ReadSpec

FIRST_PLANE = 32
"""Planes of `Purpose.DEVICE` from here on are those of converters: gain and offset of inputs, then of outputs."""


def mismatches(
    spec: ReadSpec, blocks: npt.NDArray[np.int64], identity: npt.NDArray[np.uint64], transposed: bool
) -> npt.NDArray[np.float32]:
    """Draw gain and offset of every converter of every block.

    A draw has the key (seed, DEVICE, array, plane, row0, col0) with the block's logical origin, and the converter's
    logical line. So it depends on the split into blocks and not on where they are placed; and the converters of a
    transposed read are others than those of a forward read.

    Args:
        spec: with the spreads.
        blocks: [blocks, 4] row0, col0, rows, cols.
        identity: seed, array.
        transposed: whether columns are driven.

    Returns:
        [4, blocks, longest line count] gain and offset of the input converters, then of the output converters,
        offsets in full inputs and in device units; [4, blocks, 0] if all are alike.
    """
    spreads = (spec.dac.gain_dtod, spec.dac.offset_dtod, spec.adc.gain_dtod, spec.adc.offset_dtod)
    if not any(spreads):
        return np.empty((4, len(blocks), 0), np.float32)
    units = (1.0, 1.0, 1.0, spec.out_bound)
    found = np.zeros((4, len(blocks), int(blocks[:, 2:].max())), np.float32)
    found[::2] = 1.0
    seed, array = (int(field) for field in identity)
    for plane, (spread, unit) in enumerate(zip(spreads, units, strict=True)):
        if spread == 0.0:
            continue
        key = np.uint64(key_of(seed, Purpose.DEVICE, array, FIRST_PLANE + plane))
        is_row = (plane < 2) != transposed
        for b, (row0, col0, rows, cols) in enumerate(blocks.tolist()):
            own = np.uint64(fold(np.uint64(fold(key, row0, 4)), col0, 5))
            for k in range(rows if is_row else cols):
                place = line_offset(KIND_ROW, row0 + k, 0) if is_row else line_offset(KIND_COLUMN, 0, col0 + k)
                with np.errstate(over="ignore"):
                    found[plane, b, k] += np.float32(spread * unit) * normal(np.uint64(mix(own + np.uint64(place))))
    return found
