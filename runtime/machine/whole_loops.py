"""Loops over positions that a crossbar kernel runs whole, in pieces that fit the host's memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.counts import ReadCounts
from ohmflow.runtime.crossbar.spec import DrawSite
from ohmflow.runtime.machine.plan import Captured, Node
from ohmflow.runtime.machine.windows import Positions, Windows, pieces


def read_positions(
    array: CrossbarArray, node: Node, held: Windows | Positions, samples: int, step: int, patch_bytes: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[ReadCounts]]:
    """Read an array at all positions of all samples.

    Args:
        array: what is read.
        node: the read.
        held: its inputs.
        samples: how many.
        step: of the draws.
        patch_bytes: size of a piece.

    Returns:
        [samples, positions, outputs]; retries [samples, positions, blocks]; counts of each piece.
    """
    forward = node.code is Op.MVM
    read = array.forward if forward else array.transposed
    y = np.empty((samples, held.positions, array.w.shape[1 if forward else 0]), np.float32)
    retries: NDArray[np.int64] | None = None
    done = []
    for some, part in pieces(held, samples, patch_bytes):
        vectors = held.vectors(some, part)
        shape = vectors.shape[:2]
        result, counts = read(vectors.reshape(-1, vectors.shape[-1]), _site(node, step, some, part, held.positions))
        y[some, part] = result.reshape(*shape, -1)
        if retries is None:
            retries = np.zeros((samples, held.positions, counts.retries.shape[1]), np.int64)
        retries[some, part] = counts.retries.reshape(*shape, -1)
        done.append(counts)
    assert retries is not None, "there is at least one sample"
    return y, retries, done


def update_pieces(
    captured: Captured, x: NDArray[Any], d: NDArray[Any], step: int, patch_bytes: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any], DrawSite]]:
    """Cut the vectors of an update of all samples, in order, into pieces.

    Args:
        captured: the loop.
        x: inputs, or images whose windows they are.
        d: errors.
        step: of the draws.
        patch_bytes: size of a piece.

    Yields:
        [vectors, rows], [vectors, cols], and what their draws are for.
    """
    node = captured.operation
    if captured.positions is None:
        yield x, d, DrawSite(node.purpose, node.site, step, 0, 0)
        return
    held = Positions(x) if captured.window is None else Windows(x, captured.window)
    for some, part in pieces(held, len(x), patch_bytes):
        vectors, errors = held.vectors(some, part), d[some, part]
        site = _site(node, step, some, part, held.positions)
        yield vectors.reshape(-1, vectors.shape[-1]), errors.reshape(-1, errors.shape[-1]), site


def _site(node: Node, step: int, some: slice, part: slice, positions: int) -> DrawSite:
    """Draws of a piece: whole samples one after the other, or some positions of one sample."""
    return DrawSite(node.purpose, node.site, step, part.start, some.start, positions)
