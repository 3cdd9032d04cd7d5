"""Printing and parsing tile IR are inverse, on programs that a generator makes; wrong text is refused, never a crash.

The generator builds sound training steps: random arrays with random cuts, state and segments; maps and fors of random
depth whose reads, tokens and stashes are wired as a lowering would.
"""

from io import StringIO
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import IndexType, ModuleOp, StringAttr, f32, i1, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.printer import Printer

from ohmflow.compiler.tile.dialect import (
    ArrayOp,
    BlockTable,
    CallOp,
    CommitOp,
    EntryOp,
    ForOp,
    JoinOp,
    MapOp,
    MvmOp,
    MvmTOp,
    OpenOp,
    ReadOp,
    ReturnOp,
    ScalarType,
    SegmentOp,
    StashType,
    StateGetOp,
    StateOp,
    StateSetOp,
    TileError,
    UnstashOp,
    UpdateOp,
    VecType,
    WeightsAttr,
    WhenOp,
    YieldOp,
    loop_body,
    parse_tile,
    print_tile,
    verify_tile,
)
from ohmflow.compiler.tile.passes import run_pipeline

PROGRAMS = sorted((Path(__file__).parents[1] / "golden" / "tile" / "programs").glob("*.mlir"))
SIZE = 6
VEC = VecType([SIZE])
NAMES = st.sampled_from(["x", "y", "done", "v", "h_1", "i", "a.b", None])


@st.composite
def block_tables(draw: st.DrawFn) -> BlockTable | None:
    """A grid of random cuts of a SIZE x SIZE array, at random homes."""
    if draw(st.booleans()):
        return None
    cuts = st.lists(st.integers(1, SIZE - 1), unique=True, max_size=4)
    rows, cols = [0, *sorted(draw(cuts)), SIZE], [0, *sorted(draw(cuts)), SIZE]
    home = st.integers(0, 2**31 - 1)
    return BlockTable.of(
        [
            (r, c, r_end - r, c_end - c, draw(home), draw(home), draw(home))
            for r, r_end in pairwise(rows)
            for c, c_end in pairwise(cols)
        ]
    )


class Writer:
    """Writes one entry; every read gets a site of its own."""

    def __init__(self, draw: st.DrawFn, versions: dict[str, SSAValue]):
        self.draw, self.versions, self.sites = draw, versions, 0

    def add(self, block: Block, op: Operation) -> Operation:
        for result in op.results:
            result.name_hint = self.draw(NAMES)
        block.add_op(op)
        return op

    def body(self, block: Block, x: SSAValue, depth: int) -> tuple[SSAValue, dict[str, list[SSAValue]]]:
        """Add reads, calls and loops that start from x; give the last vector and the tokens of each array."""
        tokens: dict[str, list[SSAValue]] = {name: [] for name in self.versions}
        for _ in range(self.draw(st.integers(1, 3))):
            kind = self.draw(st.sampled_from(["mvm", "mvm_t", "read", "call", "map", "for"]))
            name = self.draw(st.sampled_from(sorted(self.versions)))
            version = self.versions[name]
            if kind == "call" or (kind in ("map", "for") and depth == 0):
                x = self.add(block, CallOp("seg", [x], [VEC, VecType([], i64)])).results[0]
            elif kind in ("map", "for"):
                x = self.loop(block, x, depth, kind == "for", tokens)
            elif kind == "read" and block.args and block.args[0].type == IndexType():
                read = ReadOp(name, "row", block.args[0], version, VEC)
                tokens[name].append(self.add(block, read).results[1])
                x = read.line
            else:
                made = MvmOp if kind == "mvm" else MvmTOp
                read_all = made(name, self.sites, x, version, self.draw(st.sampled_from(["forward", "backward"])), VEC)
                self.sites += 1
                self.add(block, read_all)
                tokens[name].append(read_all.done)
                x = read_all.y
        return x, tokens

    def loop(self, block: Block, x: SSAValue, depth: int, serial: bool, tokens: dict[str, list[SSAValue]]) -> SSAValue:
        """Add a loop, and one that reads back what it collected; give a vector made from the last one."""
        trip = self.draw(st.integers(1, 5))
        inner = loop_body([VEC] if serial else [])
        inner.args[0].name_hint = self.draw(NAMES)
        last, inside = self.body(inner, inner.args[1] if serial else x, depth - 1)
        done = {name: self.add(inner, JoinOp(found, name)).results[0] for name, found in inside.items()}
        inner.add_op(YieldOp([last, *done.values()], [last] if serial else []))
        loop = ForOp(trip, inner, [x], reverse=self.draw(st.booleans())) if serial else MapOp(trip, inner)
        self.add(block, loop)
        collected = loop.results[1:] if serial else loop.results
        for name, out in zip(done, collected[1:], strict=True):
            tokens[name].append(out)
        again = loop_body([VEC])
        element = UnstashOp(collected[0], again.args[0])
        again.add_ops([element, YieldOp(carried=[element.value])])
        return self.add(block, ForOp(trip, again, [x], reverse=self.draw(st.booleans()))).results[0]


@st.composite
def modules(draw: st.DrawFn) -> ModuleOp:
    """A sound module with one entry."""
    arrays = draw(st.lists(st.sampled_from(["W", "fc/0.weight", "A_1"]), unique=True, min_size=1))
    block = Block(arg_types=[StashType(VEC), VEC, ScalarType(f32), ScalarType(IndexType())])
    opened = {name: OpenOp(name) for name in arrays}
    block.add_ops(opened.values())
    writer = Writer(draw, {name: op.version for name, op in opened.items()})
    last, tokens = writer.body(block, block.args[1], 2)
    for name, op in opened.items():
        update = UpdateOp(name, 0, block.args[1], last, block.args[2], op.version, tokens[name], draw(NAMES))
        block.add_ops([update, CommitOp(update.outs[0])])
    counter = OpenOp("counter")
    held = StateGetOp("counter", counter.version, VecType([], i64))
    body = Block(arg_types=[counter.version.type])
    put = StateSetOp("counter", held.value, body.args[0])
    body.add_ops([put, YieldOp(carried=[put.out])])
    when = WhenOp(held.value, draw(st.integers(1, 9)), body, [counter.version], [held.done])
    block.add_ops([counter, held, when, CommitOp(when.outs[0]), ReturnOp([last])])
    finite = st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300)
    declared: list[Operation] = [
        ArrayOp(
            name,
            SIZE,
            SIZE,
            draw(st.text(st.characters(codec="ascii"), max_size=5)),
            draw(st.none() | st.builds(WeightsAttr, st.just("k"), st.just("float32"), st.text("0123456789abcdef"))),
            draw(st.none() | finite),
            draw(block_tables()),
            {"note": StringAttr("n")} if draw(st.booleans()) else None,
        )
        for name in arrays
    ]
    declared.append(StateOp("counter", "counter", VecType([], i64), init=draw(st.integers(0, 9))))
    declared.append(StateOp("mask", "hidden", VecType([2, 3], i1)))
    work = draw(st.lists(st.integers(0, 99), min_size=2, max_size=2))
    declared.append(
        SegmentOp("seg", "row", [VEC], [VEC, VecType([], i64)], [("simple", work[0]), ("special", work[1])])
    )
    return ModuleOp([*declared, EntryOp("step", block, [VEC], 3 if draw(st.booleans()) else None)])


@settings(max_examples=60, deadline=None)
@given(modules(), st.booleans())
def test_parse_reads_back_what_print_wrote(module: ModuleOp, full_tables: bool) -> None:
    verify_tile(module)
    text = print_tile(module, full_tables)
    again = parse_tile(text)
    verify_tile(again)
    assert print_tile(again, full_tables) == text
    assert module.is_structurally_equivalent(again)


@settings(max_examples=30, deadline=None)
@given(modules())
def test_generic_form_holds_the_same_module(module: ModuleOp) -> None:
    stream = StringIO()
    Printer(stream, print_generic_format=True).print_op(module)
    assert module.is_structurally_equivalent(parse_tile(stream.getvalue()))


@settings(max_examples=40, deadline=None)
@given(modules(), st.permutations(["canonical-names", "dead-code", "fuse-maps", "split-maps"]))
def test_passes_leave_generated_modules_sound(module: ModuleOp, order: list[str]) -> None:
    run_pipeline(module, ",".join(order))
    text = print_tile(module)
    assert print_tile(parse_tile(text)) == text


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROGRAMS), st.data())
def test_damaged_text_is_refused_in_our_own_words_or_is_sound(path: Path, data: st.DataObject) -> None:
    tokens = path.read_text().split(" ")
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        tokens[at] = data.draw(
            st.sampled_from(["", tokens[at] * 2, tokens[at - 1], "%i", "0", "-1", "@W", "(", "after"])
        )
    try:
        verify_tile(parse_tile(" ".join(tokens), "damaged.mlir"))
    except TileError as error:
        assert "\n" not in str(error).splitlines()[0]
