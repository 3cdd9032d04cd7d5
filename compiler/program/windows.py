"""Windows of an image: the patches that a convolution multiplies by its weights.

An image is [C, H, W]. Window (r, c) of the out_height × out_width ones is a vector of channels · kernel height · kernel
width elements, in this order (that of ONNX's Conv weights); windows are numbered row by row. A signal [C, L] is the
image [C, L, 1].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIELDS = (
    *("image_channels", "height", "width", "channel0", "channels", "kernel_h", "kernel_w", "stride_h", "stride_w"),
    *("pad_top", "pad_left", "pad_bottom", "pad_right", "dilation_h", "dilation_w"),
)

WINDOW = np.dtype([(name, np.int32) for name in FIELDS])
"""A row of a program's table of windows."""


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution's windows.

    Attributes:
        image: channels, height, width of the whole image.
        channel0: first channel that windows see.
        channels: how many of them they see.
        kernel: height, width.
        strides: along height, width.
        pads: zeros at the top, left, bottom, right.
        dilations: along height, width.
    """

    image: tuple[int, int, int]
    channel0: int
    channels: int
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, numbers: "NDArray[np.void] | tuple[int, ...]") -> "Window":
        """Read the geometry from a row of WINDOW, or from as many integers in the order of its fields."""
        c, h, w, first, count, *rest = (int(n) for n in numbers)
        kh, kw, sh, sw, top, left, bottom, right, dh, dw = rest
        return cls((c, h, w), first, count, (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The geometry as integers, in the order of WINDOW's fields."""
        return (*self.image, self.channel0, self.channels, *self.kernel, *self.strides, *self.pads, *self.dilations)

    @property
    def out(self) -> tuple[int, int]:
        """Windows along height and width; not positive if the kernel does not fit."""
        top, left, bottom, right = self.pads
        return (
            (self.image[1] + top + bottom - self.dilations[0] * (self.kernel[0] - 1) - 1) // self.strides[0] + 1,
            (self.image[2] + left + right - self.dilations[1] * (self.kernel[1] - 1) - 1) // self.strides[1] + 1,
        )

    @property
    def positions(self) -> int:
        """How many windows there are."""
        return self.out[0] * self.out[1]

    @property
    def size(self) -> int:
        """Elements of one window."""
        return self.channels * self.kernel[0] * self.kernel[1]

    @property
    def elements(self) -> int:
        """Elements of the image."""
        return self.image[0] * self.image[1] * self.image[2]

    def rows_needed(self, row: int) -> int:
        """How many rows of the image must be there, from the top, for the windows of a row."""
        last = row * self.strides[0] - self.pads[0] + self.dilations[0] * (self.kernel[0] - 1)
        return min(max(last + 1, 0), self.image[1])

    def rows_done(self, row: int) -> int:
        """How many rows of the image, from the top, no window after those of a row reaches any more."""
        if row + 1 >= self.out[0]:
            return self.image[1]
        return min(max((row + 1) * self.strides[0] - self.pads[0], 0), self.image[1])

    @property
    def name(self) -> str:
        """A name of letters, digits and underscores that tells every figure, for functions."""
        parts = (self.image, (self.channel0, self.channels), self.kernel, self.strides, self.pads, self.dilations)
        told = ("x".join(map(str, part)) for part in parts)
        return "_".join(f"{letter}{text}" for letter, text in zip(("i", "c", "k", "s", "p", "d"), told, strict=True))
