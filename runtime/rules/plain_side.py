"""What fused kernels take of an array, if it is plain.

That is: pulses are all that happens to its devices, and what a read gives depends on the driven lines only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.update_kernel import update_pulsed
from ohmflow.runtime.devices.upkeep import Conducting, StatefulDevice, TurnTaking


class PlainSide(NamedTuple):
    """An array's figures for kernels.

    Attributes:
        blocks: [blocks, 4] int64.
        identity: uint64 seed, array.
        update_settings: see `trains`.
        scheme: number of the update scheme.
        read_settings: see `read_converters`.
        scales: [blocks] of forward reads.
        variances: [blocks, longest line count] float32 of forward reads.
        mismatches: [4, blocks, 0].
        conductance: [3] siemens per device unit, siemens of a cell at 0 with its reference, whether doses are counted.
    """

    blocks: NDArray[np.int64]
    identity: NDArray[np.uint64]
    update_settings: NDArray[np.float64]
    scheme: int
    read_settings: NDArray[np.float64]
    scales: NDArray[np.float64]
    variances: NDArray[np.float32]
    mismatches: NDArray[np.float32]
    conductance: NDArray[np.float64]


def plain_side(array: CrossbarArray, scheme: str | None) -> PlainSide | None:
    """Say what kernels need of an array, or None if it is not plain.

    Only kernels that may be kept are used, so a device from outside the cache's reach is not plain either.

    Args:
        array: the array.
        scheme: how pulses of its update are chosen; None for the target's.
    """
    reader, updater = array._reader, array._updater
    weights, spec = reader._weights, reader._spec
    device = array.device
    special = isinstance(device, Conducting) or isinstance(device, StatefulDevice) or isinstance(device, TurnTaking)
    if special or array.wear is not None or array.hidden is not array.w:
        return None
    if reader._is_exact or reader._in_passes or reader._scales[0].averages or reader._mismatches[0].size:
        return None
    if spec.thermal > 0 or spec.flicker > 0 or spec.ir_drop != "none" or updater._kernel is not update_pulsed:
        return None
    base = weights._elements * weights._at_zero
    return PlainSide(
        reader._blocks,
        reader._identity,
        updater._settings,
        updater._number_of(scheme or updater._scheme),
        reader._settings,
        reader._scales[0]._scales,
        weights._quiet,
        reader._mismatches[0],
        np.array([weights._slope, base, weights.counts_dose]),
    )
