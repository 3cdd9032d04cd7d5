"""Windows of images on the value side: taken when they are read, in bounded pieces, since they repeat their image.

Inside a vectorised map, what stands at several positions of a sample is held whole: `Windows` as the images that
windows are taken from, `Positions` as one array with the positions behind the samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ohmflow.compiler.program.windows import Window


@dataclass(frozen=True)
class Windows:
    """Windows of all samples' images.

    Attributes:
        images: [samples, C, H, W].
        window: geometry.
    """

    images: NDArray[Any]
    window: Window

    @property
    def positions(self) -> int:
        """Windows of a sample."""
        return self.window.positions

    @property
    def run(self) -> int:
        """Positions that a piece takes at least: a row of windows."""
        return self.window.out[1]

    def vectors(self, samples: slice, positions: slice) -> NDArray[Any]:
        """Return windows of some samples as [samples, positions, elements]; positions are whole rows of windows."""
        first, last = positions.start // self.run, positions.stop // self.run
        return take_windows(self.images[samples], self.window, first, last)

    def at(self, position: int) -> NDArray[Any]:
        """Return one window of every sample, [samples, elements]."""
        row, col = divmod(position, self.run)
        taken = take_windows(self.images, self.window, row, row + 1)
        return taken[:, col]

    def stacked(self) -> NDArray[Any]:
        """Return all windows, [samples, positions, elements]."""
        return take_windows(self.images, self.window)


@dataclass(frozen=True)
class Positions:
    """Vectors at several positions of all samples: rows [samples, positions, …]."""

    rows: NDArray[Any]

    @property
    def positions(self) -> int:
        """Vectors of a sample."""
        return int(self.rows.shape[1])

    @property
    def run(self) -> int:
        """Positions that a piece takes at least."""
        return 1

    def vectors(self, samples: slice, positions: slice) -> NDArray[Any]:
        """Return vectors of some samples as [samples, positions, elements]."""
        return self.rows[samples, positions]

    def at(self, position: int) -> NDArray[Any]:
        """Return one position of every sample."""
        picked: NDArray[Any] = self.rows[:, position]
        return picked

    def stacked(self) -> NDArray[Any]:
        """Return all."""
        return self.rows


def take_windows(images: NDArray[Any], window: Window, first: int = 0, last: int | None = None) -> NDArray[Any]:
    """Take windows of images.

    Args:
        images: [n, C, H, W].
        window: geometry.
        first: row of windows to begin with.
        last: row of windows before which to end; all if None.

    Returns:
        [n, rows · out width, channels · kernel height · kernel width], a copy.
    """
    out_h, out_w = window.out
    rows = (out_h if last is None else last) - first
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.strides, window.dilations
    top, left, _, right = window.pads
    begin = first * sh - top
    end = begin + (rows - 1) * sh + dh * (kh - 1) + 1  # of the image rows that these windows see
    total = end - begin
    seen = images[:, window.channel0 : window.channel0 + window.channels, max(begin, 0) : max(end, 0)]
    above = min(max(-begin, 0), total)
    below = total - above - seen.shape[2]
    if above or below or left or right:
        seen = np.pad(seen, ((0, 0), (0, 0), (above, below), (left, right)))
    n, c, h, w = seen.strides
    view = as_strided(
        seen,
        (len(images), rows, out_w, window.channels, kh, kw),
        (n, sh * h, sw * w, c, dh * h, dw * w),
        writeable=False,
    )
    return view.reshape(len(images), rows * out_w, window.size)


def fold_windows(windows: NDArray[Any], window: Window) -> NDArray[Any]:
    """Add windows up to images: the transpose of `take_windows`.

    Args:
        windows: [n, positions, elements].
        window: geometry.

    Returns:
        [n, C, H, W].
    """
    out_h, out_w = window.out
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.strides, window.dilations
    top, left, bottom, right = window.pads
    channels, height, width = window.image
    padded = np.zeros((len(windows), channels, height + top + bottom, width + left + right), windows.dtype)
    seen = padded[:, window.channel0 : window.channel0 + window.channels]
    parts = windows.reshape(len(windows), out_h, out_w, window.channels, kh, kw)
    for i in range(kh):
        rows = slice(i * dh, i * dh + sh * (out_h - 1) + 1, sh)
        for j in range(kw):
            cols = slice(j * dw, j * dw + sw * (out_w - 1) + 1, sw)
            seen[:, :, rows, cols] += parts[..., i, j].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(padded[:, :, top : top + height, left : left + width])


def pieces(held: Windows | Positions, samples: int, patch_bytes: int) -> Iterator[tuple[slice, slice]]:
    """Cut all positions of all samples, in order, into pieces of about `patch_bytes`.

    Args:
        held: what stands at the positions.
        samples: how many.
        patch_bytes: of a piece; a piece has at least one run of positions.

    Yields:
        Samples and positions of a piece: all positions of several samples, or some of one sample.
    """
    size = held.window.size if isinstance(held, Windows) else int(held.rows.shape[-1])
    whole = held.positions * size * 4
    if whole <= patch_bytes or held.positions == held.run:
        step = max(patch_bytes // max(whole, 1), 1)
        for first in range(0, samples, step):
            yield slice(first, min(first + step, samples)), slice(0, held.positions)
        return
    step = max(patch_bytes // (held.run * size * 4), 1) * held.run
    for sample in range(samples):
        for first in range(0, held.positions, step):
            yield slice(sample, sample + 1), slice(first, min(first + step, held.positions))
