"""`tile.window` and `tile.fold` print and parse as they are, with every geometry."""

from io import StringIO

from hypothesis import given, settings
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import Block
from xdsl.printer import Printer

from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.tile.dialect import parse_tile, print_tile, verify_tile
from ohmflow.compiler.tile.entry import EntryOp, ReturnOp
from ohmflow.compiler.tile.tile_types import VecType
from ohmflow.compiler.tile.windows import FoldOp, WindowOp
from tests.compiler.program.test_windows import windows


@given(windows())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_parse_reads_back_what_print_wrote(window: Window) -> None:
    block = Block(arg_types=[VecType(window.image, f32)])
    taken = WindowOp(block.args[0], window)
    folded = FoldOp(taken.stash, window)
    block.add_ops([taken, folded, ReturnOp([folded.image])])
    module = ModuleOp([EntryOp("f", block, [folded.image.type])])
    verify_tile(module)
    text = print_tile(module)
    stream = StringIO()
    Printer(stream, print_generic_format=True).print_op(module)
    for written in (text, stream.getvalue()):
        again = parse_tile(written)
        verify_tile(again)
        assert print_tile(again) == text
        first, second = list(next(iter(again.body.block.ops)).regions[0].block.ops)[:2]
        assert isinstance(first, WindowOp) and isinstance(second, FoldOp)
        assert first.window == second.window == window
