"""Windows of an image, such as a convolution reads, and adding them up again."""

from typing import Self

from typing_extensions import override
from xdsl.dialects.builtin import DenseArrayBase, f32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, result_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.tile.printing import parse_extra, parse_operand, print_extra
from ohmflow.compiler.tile.tile_types import StashType, VecType


def _stored(window: Window) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(window.numbers))


def _print_figures(printer: Printer, op: Operation, window: Window) -> None:
    printer.print_string(f" image {_list(window.image)}")
    if (window.channel0, window.channels) != (0, window.image[0]):
        printer.print_string(f" channels {_list((window.channel0, window.channel0 + window.channels))}")
    printer.print_string(f" kernel {_list(window.kernel)}")
    if window.strides != (1, 1):
        printer.print_string(f" strides {_list(window.strides)}")
    if any(window.pads):
        printer.print_string(f" pads {_list(window.pads)}")
    if window.dilations != (1, 1):
        printer.print_string(f" dilations {_list(window.dilations)}")
    print_extra(printer, op)


def _list(numbers: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, numbers)) + "]"


def _parse_figures(parser: Parser) -> Window:
    def figures(keyword: str, count: int, default: tuple[int, ...] | None) -> tuple[int, ...]:
        position = parser.pos
        if default is not None:
            if not parser.parse_optional_keyword(keyword):
                return default
        else:
            parser.parse_keyword(keyword)
        given = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: parser.parse_integer())
        if len(given) != count:
            parser.raise_error(f"{keyword} must be {count} integers, not {len(given)}", position)
        return tuple(given)

    image = figures("image", 3, None)
    first, last = figures("channels", 2, (0, image[0]))
    kernel = figures("kernel", 2, None)
    strides = figures("strides", 2, (1, 1))
    pads = figures("pads", 4, (0, 0, 0, 0))
    dilations = figures("dilations", 2, (1, 1))
    return Window.of((*image, first, last - first, *kernel, *strides, *pads, *dilations))


def _verify(window: Window) -> None:
    c, h, w = window.image
    if min(c, h, w, window.channels, *window.kernel, *window.strides, *window.dilations) < 1 or min(window.pads) < 0:
        raise VerifyException("figures of windows must be at least 1, and pads at least 0; correct them")
    if window.channel0 < 0 or window.channel0 + window.channels > c:
        last = window.channel0 + window.channels
        raise VerifyException(f"channels must be among the image's {c}, not [{window.channel0}, {last}]; correct them")
    if min(window.out) < 1:
        raise VerifyException("the kernel must fit the padded image, but does not; correct image, kernel or pads")


def window_stash(window: Window) -> StashType:
    """Type of the windows of an image: a stash of as many vecs as there are positions."""
    return StashType(VecType((window.size,), f32))


class _FiguresOp(IRDLOperation):
    """What window and fold share: one operand, one result, and a geometry that is printed behind the operand."""

    figures = prop_def(DenseArrayBase)

    def __init__(self, operand: SSAValue, window: Window):
        """Make the operation.

        Args:
            operand: Of window, an image as a vec; of fold, a stash of windows.
            window: The geometry.
        """
        properties = {"figures": _stored(window)}
        super().__init__(operands=[operand], result_types=[self._result(window)], properties=properties)

    @staticmethod
    def _result(window: Window) -> Attribute:
        raise NotImplementedError

    @property
    def window(self) -> Window:
        """The geometry."""
        return Window.of(tuple(int(n) for n in self.figures.get_values()))

    @classmethod
    @override
    def parse(cls, parser: Parser) -> Self:
        operand = parse_operand(parser)
        op = cls(operand, _parse_figures(parser))
        op.attributes.update(parse_extra(parser))
        return op

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.operands[0])
        _print_figures(printer, self, self.window)


@irdl_op_definition
class WindowOp(_FiguresOp):
    """Take the windows of an image, which a loop over the positions then reads.

    Values: `vec<CxHxWxf32>` becomes a stash of vecs, one for every position, row by row, as if a loop had collected
    them; zeros stand for what lies outside. Elements are in the order channel, kernel row, kernel column. Time: none by
    itself; a window is what a tile's buffer is addressed at, and it is there as soon as its image rows are.

    ```
    %patches = tile.window %x image [1, 28, 28] kernel [5, 5] pads [2, 2, 2, 2]
    ```
    """

    name = "tile.window"
    image = operand_def(VecType)
    stash = result_def(StashType)

    def __init__(self, image: SSAValue, window: Window):
        """Take windows.

        Args:
            image: A vec of the window's image.
            window: The geometry.
        """
        super().__init__(image, window)

    @staticmethod
    @override
    def _result(window: Window) -> Attribute:
        return window_stash(window)

    @override
    def verify_(self) -> None:
        _verify(self.window)
        if self.image.type != VecType(self.window.image, f32):
            raise VerifyException(
                f"the image must be {VecType(self.window.image, f32)}, not {self.image.type}; correct the figures"
            )
        if self.stash.type != window_stash(self.window):
            raise VerifyException(f"it must give {window_stash(self.window)}, not {self.stash.type}; correct it")


@irdl_op_definition
class FoldOp(_FiguresOp):
    """Add windows up to an image: the transpose of `window`, the way back through a convolution.

    Values: a stash of vecs, one for every position, becomes `vec<CxHxWxf32>`; elements that windows share are summed,
    what they have outside of the image is dropped, and channels that no window sees are zero. Time: one simple element
    for each element of each window, on the vector unit that gathers the windows.

    ```
    %dx = tile.fold %patches image [1, 28, 28] kernel [5, 5] pads [2, 2, 2, 2]
    ```
    """

    name = "tile.fold"
    stash = operand_def(StashType)
    image = result_def(VecType)

    def __init__(self, stash: SSAValue, window: Window):
        """Add windows up.

        Args:
            stash: A stash of windows.
            window: The geometry.
        """
        super().__init__(stash, window)

    @staticmethod
    @override
    def _result(window: Window) -> Attribute:
        return VecType(window.image, f32)

    @override
    def verify_(self) -> None:
        _verify(self.window)
        if self.stash.type != window_stash(self.window):
            raise VerifyException(
                f"windows must be {window_stash(self.window)}, not {self.stash.type}; correct the figures"
            )
        if self.image.type != VecType(self.window.image, f32):
            raise VerifyException(f"it must give {VecType(self.window.image, f32)}, not {self.image.type}; correct it")
