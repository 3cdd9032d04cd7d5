"""The pass registry, pipelines, and what passes keep."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.dialect import MapOp, MvmOp, MvmTOp, TileError, UpdateOp, parse_tile, print_tile, verify_tile
from ohmflow.compiler.tile.passes import make_pipeline, passes, pipeline, run_pipeline

PROGRAMS = sorted((Path(__file__).parents[2] / "golden" / "tile" / "programs").glob("*.mlir"))


@dataclass(frozen=True)
class Nothing(ModulePass):
    name = "nothing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pass


@dataclass(frozen=True)
class Clash(Nothing):
    name = "dead-code"


@dataclass(frozen=True)
class Breaks(ModulePass):
    """Leaves a module that does not verify."""

    name = "breaks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for found in op.body.block.ops:
            op.body.block.add_op(found.clone())
            return


class Point:
    """An entry point of an installed package."""

    def __init__(self, name: str, made: object):
        self.name, self.value, self.dist, self.made = name, f"plugin:{name}", None, made

    def load(self) -> object:
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


def plug(monkeypatch: pytest.MonkeyPatch, *points: Point) -> None:
    def found(group: str) -> list[Point]:
        assert group == "ohmflow.passes"
        return list(points)

    monkeypatch.setattr(pipeline, "entry_points", found)


def test_our_passes_are_registered_by_their_names() -> None:
    assert {"canonical-names", "dead-code", "fuse-maps", "split-maps"} <= set(passes())
    assert all(made.name == name and made.__doc__ and "->" in made.__doc__ for name, made in passes().items())


def test_plugged_in_pass_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, Point("nothing", Nothing))
    module = parse_tile(PROGRAMS[0].read_text())
    assert run_pipeline(module, "nothing,dead-code") is module


def test_two_passes_of_one_name_are_an_error_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, Point("dead-code", Clash))
    with pytest.raises(TileError, match=r"ohmflow.*DeadCode and plugin:dead-code"):
        passes()


@pytest.mark.parametrize("made", [ImportError("no module"), 3, ModuleOp])
def test_broken_plugin_is_told_by_name_and_left_out(monkeypatch: pytest.MonkeyPatch, made: object) -> None:
    plug(monkeypatch, Point("broken", made), Point("nothing", Nothing))
    with pytest.warns(UserWarning, match="pass plug-in 'broken'"):
        assert "nothing" in passes()


def test_module_broken_by_a_pass_is_told_with_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, Point("breaks", Breaks))
    with pytest.raises(TileError, match=r"after the pass breaks:\n.*must be declared once"):
        run_pipeline(parse_tile('tile.array @W 1x1 rule "sgd"'), "breaks")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dead-kode", "did you mean 'dead-code'"),
        ("split-maps{where=here}", "an option of split-maps must be at, not where"),
        ("split-maps{at=nowhere}", "at must be one of"),
        ("split-maps{at=", "not 'split-maps{at='"),
        ("dead-code,,", "not 'dead-code,,'"),
        ("dead-code;fuse-maps", "not 'dead-code;fuse-maps'"),
    ],
)
def test_wrong_pipeline_is_refused(text: str, message: str) -> None:
    with pytest.raises(TileError, match=message):
        run_pipeline(parse_tile('tile.array @W 1x1 rule "sgd"'), text)


def test_pipeline_is_read_with_options() -> None:
    assert [str(made) for made in make_pipeline('dead-code,split-maps{at="transfer"}')] == [
        "dead-code",
        'split-maps{at="transfer"}',
    ]
    assert make_pipeline(" ") == []


def work_of(module: ModuleOp) -> list[tuple[str, str, int]]:
    return sorted(
        (op.name, op.array_name, op.site_number) for op in module.walk() if isinstance(op, MvmOp | MvmTOp | UpdateOp)
    )


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
@pytest.mark.parametrize("text", ["dead-code", "fuse-maps", "split-maps", "fuse-maps,dead-code,split-maps,dead-code"])
def test_pass_keeps_a_program_sound_and_its_array_work(path: Path, text: str) -> None:
    module = parse_tile(path.read_text(), path.name)
    before = work_of(module)
    run_pipeline(module, text)
    assert work_of(module) == before
    printed = print_tile(module)
    again = parse_tile(printed)
    verify_tile(again)
    assert print_tile(again) == printed


def maps(module: ModuleOp) -> int:
    return sum(isinstance(op, MapOp) for op in module.walk())


def test_splitting_undoes_fusing_of_a_training_step() -> None:
    path = next(path for path in PROGRAMS if path.stem == "mlp_train_step")
    module = parse_tile(path.read_text())
    counts = [maps(run_pipeline(module, text)) for text in ("", "fuse-maps", "split-maps", "fuse-maps")]
    assert counts == [2, 1, 2, 1]


def test_fused_stash_that_nobody_reads_is_no_longer_collected() -> None:
    path = next(path for path in PROGRAMS if path.stem == "mlp_train_step")
    module = run_pipeline(parse_tile(path.read_text()), "fuse-maps,dead-code")
    fused = next(op for op in module.walk() if isinstance(op, MapOp))
    assert [out.name_hint for out in fused.outs] == ["hs", "w1_read", "w2_read", "losses", "d2s", "d1s", "w2_back"]


def test_entry_points_are_looked_up_as_the_standard_library_gives_them() -> None:
    assert all(isinstance(point, EntryPoint) for point in pipeline.entry_points(group=pipeline.GROUP))
