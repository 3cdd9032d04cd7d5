"""What the dialect's Python side promises: constructors, block tables, positions in messages."""

import numpy as np
import pytest
from xdsl.dialects.builtin import IndexType, ModuleOp, StringAttr, f32, i64
from xdsl.ir import Block

from ohmflow.compiler.tile.dialect import (
    ArrayOp,
    BlockTable,
    CallOp,
    CommitOp,
    CompositeOp,
    EntryOp,
    ForOp,
    MapOp,
    MvmOp,
    OpenOp,
    ReturnOp,
    ScalarType,
    SegmentOp,
    StashType,
    TileError,
    UnstashOp,
    UpdateOp,
    VecType,
    WeightsAttr,
    YieldOp,
    context,
    loop_body,
    parse_tile,
    print_tile,
    verify_tile,
)


def table_of(rows: int, cols: int, step: int) -> BlockTable:
    return BlockTable.of(
        [
            (row, col, min(step, rows - row), min(step, cols - col), row // step, 0, col % 7)
            for row in range(0, rows, step)
            for col in range(0, cols, step)
        ]
    )


def small_train_step() -> ModuleOp:
    """One array, one segment; forward reads in a map, updates in a for."""
    vec, count = VecType([4]), ScalarType(IndexType())
    block = Block(arg_types=[StashType(vec), ScalarType(f32), count])
    xs, lr, batch = block.args
    opened = OpenOp("W")
    body = loop_body()
    x = UnstashOp(xs, body.args[0])
    read = MvmOp("W", 0, x.value, opened.version, "forward", vec)
    grad = CallOp("grad", [read.y], [vec])
    body.add_ops([x, read, grad, YieldOp([*grad.outs, read.done])])
    forward = MapOp(batch, body)
    updates = loop_body([opened.version.type])
    x2, d2 = UnstashOp(xs, updates.args[0]), UnstashOp(forward.outs[0], updates.args[0])
    update = UpdateOp("W", 0, x2.value, d2.value, lr, updates.args[1])
    updates.add_ops([x2, d2, update, YieldOp(carried=update.outs)])
    loop = ForOp(batch, updates, [opened.version], after=[forward.outs[1]])
    block.add_ops([opened, forward, loop, CommitOp(loop.outs[0]), ReturnOp()])
    return ModuleOp(
        [
            ArrayOp("W", 4, 4, weights=WeightsAttr("w", "float32", "00")),
            SegmentOp("grad", "row", [vec], [vec], [("simple", 4)]),
            EntryOp("train_step", block),
        ]
    )


def test_module_built_in_python_verifies_and_prints_what_parses_to_the_same() -> None:
    module = small_train_step()
    verify_tile(module)
    text = print_tile(module)
    again = parse_tile(text)
    verify_tile(again)
    assert print_tile(again) == text
    assert module.is_structurally_equivalent(again)


def test_fault_of_a_module_without_text_is_told_by_operation_and_entry() -> None:
    module = small_train_step()
    commit = next(op for op in module.walk() if isinstance(op, CommitOp))
    commit.detach()
    commit.erase()
    with pytest.raises(TileError, match=r"^tile\.for in @train_step: .* must be consumed once, not never"):
        verify_tile(module)


def test_numpy_sees_the_block_table() -> None:
    table = table_of(10, 10, 4)
    assert table.table.shape == (9, 7)
    assert table.rows[-1]._asdict() == {
        "row0": 8,
        "col0": 8,
        "rows": 2,
        "cols": 2,
        "tile": 2,
        "tile_row": 0,
        "tile_col": 1,
    }
    assert np.array_equal(BlockTable.of(table.table).table, table.table)


@pytest.mark.parametrize("bad", [[(0, 0, 4, 4, -1, 0, 0)], [(0, 0, 4, 4, 2**31, 0, 0)]])
def test_block_table_refuses_what_it_can_not_store(bad: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="block table"):
        BlockTable.of(bad)


@pytest.mark.parametrize("step", [1, 2])
def test_long_table_is_packed_unless_all_is_asked_for_and_both_read_back(step: int) -> None:
    module = ModuleOp([ArrayOp("W", 40, 40, blocks=table_of(40, 40, step))])
    verify_tile(module)
    short, full = print_tile(module), print_tile(module, full_tables=True)
    assert ("packed" in short) == (step == 1)
    assert "packed" not in full
    assert full.count("\n") > (40 // step) ** 2
    assert print_tile(parse_tile(full)) == print_tile(parse_tile(short)) == short


def test_cover_of_a_large_table_is_checked() -> None:
    rows = table_of(3000, 3000, 30).rows
    verify_tile(ModuleOp([ArrayOp("W", 3000, 3000, blocks=BlockTable.of(rows))]))
    with pytest.raises(TileError, match="blocks must cover every weight of 3000x3000, not all but 900"):
        verify_tile(ModuleOp([ArrayOp("W", 3000, 3000, blocks=BlockTable.of(rows[:-1]))]))


def test_overlap_that_hides_a_gap_is_an_overlap() -> None:
    blocks = BlockTable.of([(0, 0, 2, 4, 0, 0, 0), (1, 0, 2, 4, 1, 0, 0)])
    with pytest.raises(TileError, match="blocks must be disjoint"):
        verify_tile(ModuleOp([ArrayOp("W", 4, 4, blocks=blocks)]))


@pytest.mark.parametrize("alpha", [1e-05, 0.1, 1e300, 3.0, 5e-324, 1 / 3])
def test_numbers_read_back_exactly(alpha: float) -> None:
    array = parse_tile(print_tile(ModuleOp([ArrayOp("W", 1, 1, alpha=alpha)]))).body.block.first_op
    assert isinstance(array, ArrayOp)
    assert array.alpha is not None
    assert array.alpha.value.data == alpha


def test_odd_names_and_discardable_attributes_survive() -> None:
    module = ModuleOp(
        [
            ArrayOp("layer/0.weight", 2, 2, 'with "quotes"', attributes={"place": StringAttr("x")}),
            CompositeOp("C", "sum", ["layer/0.weight"], [1e-7], attributes={"note": StringAttr("slow")}),
        ]
    )
    text = print_tile(module)
    assert '@"layer/0.weight"' in text
    assert 'attributes {place = "x"}' in text
    assert module.is_structurally_equivalent(parse_tile(text))


def test_loop_attributes_survive() -> None:
    text = print_tile(small_train_step()).replace("to %2 {", 'to %2 attributes {replica = 2 : i64, note = "a"} {')
    assert "replica" in text
    assert print_tile(parse_tile(text)) == text


def test_module_with_attributes_is_printed_whole() -> None:
    module = ModuleOp([ArrayOp("W", 1, 1)], {"target": StringAttr("ideal")})
    text = print_tile(module)
    assert text.startswith("builtin.module attributes")
    assert module.is_structurally_equivalent(parse_tile(text))
    assert parse_tile(print_tile(ModuleOp([]))).is_structurally_equivalent(ModuleOp([]))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "m.mlir:1:1:"),
        ('tile.array @W 4x4 rule "sgd"\n  ?', "m.mlir:2:3:"),
        ("tile.state @s hidden : !tile.vec<0xf32>\n", "m.mlir:1:1:"),
        ('tile.array @W 4x4 rule "sgd', "m.mlir:1:24:"),
        ("%x = builtin.nothing", "m.mlir:1:1:"),
    ],
)
def test_wrong_text_is_told_with_line_and_column(text: str, where: str) -> None:
    with pytest.raises(TileError, match=f"^{where}"):
        verify_tile(parse_tile(text, "m.mlir"))


def test_context_knows_every_operation_with_a_docstring_about_values_and_time() -> None:
    for op in context().loaded_ops:
        if op.name.startswith("tile."):
            text = op.__doc__ or ""
            assert "Values:" in text, op.name
            assert "ime:" in text or op.name == "tile.composite", op.name
            assert "```" in text, op.name


def test_rank_zero_and_image_vectors_print_as_documented() -> None:
    assert str(VecType()) == "!tile.vec<f32>"
    assert str(VecType([], i64)) == "!tile.vec<i64>"
    assert str(StashType(VecType([1, 28, 28]))) == "!tile.stash<!tile.vec<1x28x28xf32>>"
    assert VecType([1, 28, 28]).size == 784
