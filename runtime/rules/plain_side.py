"""What fused kernels take of an array, if it is plain.

That is: pulses are all that happens to its devices, and what a read gives depends on the driven lines only. Write noise
is allowed: kernels mark what they pulse, and show what reads see of it before they read.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.array import CrossbarArray


class PlainSide(NamedTuple):
    """An array's figures for kernels.

    Attributes:
        w: [rows, cols] float32 weights as reads see them, device units.
        hidden: what pulses act on; `w` itself without write noise.
        marks: [rows, cols] uint64 zeros, to mark devices that are pulsed; None without write noise.
        write_noise: its standard deviation, float32.
        planes: the devices.
        alpha: logical weight of a device unit.
        blocks: [blocks, 4] int64.
        identity: uint64 seed, array.
        update_settings: see `trains`.
        scheme: number of the update scheme.
        read_settings: see `read_converters`.
        scales: [blocks] of reads.
        variances: [blocks, longest line count] float32 of reads.
        mismatches: [4, blocks, 0].
        conductance: [3] siemens per device unit, siemens of a cell at 0 with its reference, whether doses are counted.
    """

    w: NDArray[np.float32]
    hidden: NDArray[np.float32]
    marks: NDArray[np.uint64] | None
    write_noise: np.float32
    planes: Any
    alpha: float
    blocks: NDArray[np.int64]
    identity: NDArray[np.uint64]
    update_settings: NDArray[np.float64]
    scheme: int
    read_settings: NDArray[np.float64]
    scales: NDArray[np.float64]
    variances: NDArray[np.float32]
    mismatches: NDArray[np.float32]
    conductance: NDArray[np.float64]


def plain_side(array: CrossbarArray, scheme: str | None, transposed: bool = False) -> PlainSide | None:
    """Say what kernels need of an array, or None if it is not plain.

    Only kernels that may be kept are used, so a device from outside the cache's reach is not plain either.

    Args:
        array: the array.
        scheme: how pulses of its update are chosen; None for the target's.
        transposed: whether the kernel reads columns; else rows.
    """
    updates, reads = array.update_figures(scheme), array.read_figures(transposed)
    if updates is None or reads is None:
        return None
    hides = array.hidden is not array.w
    return PlainSide(
        array.w,
        array.hidden,
        np.zeros(array.w.shape, np.uint64) if hides else None,
        updates.write_noise,
        array.planes,
        array.alpha,
        updates.blocks,
        updates.identity,
        updates.settings,
        updates.scheme,
        reads.settings,
        reads.scales,
        reads.variances,
        reads.mismatches,
        np.array([reads.slope, reads.base, reads.counts_dose]),
    )
