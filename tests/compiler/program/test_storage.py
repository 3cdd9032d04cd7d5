"""A program folder gives back the program it was made from, byte for byte, and refuses everything else by name."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import FORMAT_VERSION, Program
from ohmflow.compiler.program.storage import load_program, npz_bytes, save_program
from ohmflow.runtime.machine.machine import Machine
from tests.compiler.emit.perceptrons import perceptron
from tests.compiler.program.golden import check_golden
from tests.runtime.machine.hand_target import hand_target

FILES = ("program.mlir", "streams.npz", "segments.onnx", "source.onnx", "weights.safetensors", "mapping.json")


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_model(perceptron((20, 9, 4), ("Tanh",), biased=True), hand_target(), CompileOptions())


@pytest.fixture
def folder(program: Program, tmp_path: Path) -> Path:
    save_program(program, tmp_path / "P")
    return tmp_path / "P"


def assert_equal(a: Any, b: Any, where: str = "program") -> None:
    """Equal in every field, type and dtype."""
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape, where
        np.testing.assert_array_equal(a, b, err_msg=where)
    elif dataclasses.is_dataclass(a):
        assert type(a) is type(b), where
        for f in dataclasses.fields(a):
            assert_equal(getattr(a, f.name), getattr(b, f.name), f"{where}.{f.name}")
    elif isinstance(a, dict):
        assert sorted(a) == sorted(b), where
        for key in a:
            assert_equal(a[key], b[key], f"{where}[{key}]")
    elif isinstance(a, tuple):
        assert type(a) is type(b) and len(a) == len(b), where
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{where}[{k}]")
    else:
        assert type(a) is type(b) and a == b, where


def test_what_is_loaded_equals_what_was_saved(program: Program, folder: Path) -> None:
    assert_equal(program, load_program(folder))


def test_a_loaded_program_runs_like_the_one_in_memory(program: Program, folder: Path) -> None:
    x = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)
    results = []
    for made in (program, load_program(folder)):
        machine = Machine(made, hand_target(), seed=5)
        machine.execute("program", {}, {}, 0)
        results.append(machine.execute("infer", {"x": x}, {"batch": 3}, 0)["y"])
        machine.close_epoch(0)
        results.append(np.array(machine.book.cycles))
    np.testing.assert_array_equal(results[0], results[2])
    assert results[1] == results[3]


def test_two_saves_are_identical(program: Program, folder: Path, tmp_path: Path) -> None:
    save_program(load_program(folder), tmp_path / "Q")
    names = sorted(p.name for p in folder.iterdir())
    assert names == sorted([*FILES, "manifest.json"])
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "Q" / name).read_bytes(), name


def test_compiling_twice_gives_identical_folders(folder: Path, tmp_path: Path) -> None:
    again = compile_model(perceptron((20, 9, 4), ("Tanh",), biased=True), hand_target(), CompileOptions())
    save_program(again, tmp_path / "Q")
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "Q" / file.name).read_bytes(), file.name


def test_a_table_file_does_not_depend_on_the_order_of_its_tables() -> None:
    a, b = np.arange(3), np.ones((2, 2))
    assert npz_bytes({"a": a, "b": b}) == npz_bytes({"b": b, "a": a})


def refused(folder: Path) -> str:
    """The message of the refusal, with the folder's place left out."""
    with pytest.raises(ProgramError) as caught:
        load_program(folder)
    assert caught.value.exit_status == 2
    return str(caught.value).replace(str(folder), "PROGRAM")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    message = refused(folder)
    assert message.startswith(f"PROGRAM/{name}: ")
    check_golden("program/refusals/missing-file.txt", message.replace(name, "FILE"))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_by_name(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    message = refused(folder)
    assert message.startswith(f"PROGRAM/{name}: ")
    check_golden("program/refusals/changed-file.txt", message.replace(name, "FILE"))


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    assert refused(folder).startswith(f"PROGRAM/{name}: ")


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    check_golden("program/refusals/no-manifest.txt", refused(tmp_path))


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        manifest = json.loads(text)
        change(manifest)
        return json.dumps(manifest)

    return edit


@pytest.mark.parametrize(
    ("case", "edit"),
    [
        ("manifest-not-json", lambda text: f"x{text}"),
        ("manifest-other-json", lambda text: "[1, 2]"),
        ("manifest-without-files", edited(lambda m: m.pop("files"))),
        ("manifest-without-version", edited(lambda m: m.pop("format_version"))),
        ("manifest-files-a-list", edited(lambda m: m.update(files=["program.mlir"]))),
        ("manifest-misses-a-file", edited(lambda m: m["files"].pop("mapping.json"))),
        ("manifest-without-entries", edited(lambda m: m.pop("entries"))),
        ("manifest-misses-an-entry", edited(lambda m: m["entries"].pop("infer"))),
        ("manifest-argument-broken", edited(lambda m: m["entries"]["infer"]["arguments"][0].pop("dtype"))),
        ("other-version", edited(lambda m: m.update(format_version=FORMAT_VERSION + 1))),
    ],
)
def test_a_wrong_manifest_is_refused(folder: Path, case: str, edit: Callable[[str], str]) -> None:
    file = folder / "manifest.json"
    file.write_text(edit(file.read_text()))
    check_golden(f"program/refusals/{case}.txt", refused(folder))


def test_a_file_outside_of_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"]["../secret"] = "0" * 64
    file.write_text(json.dumps(manifest))
    assert "manifest.json" in refused(folder)


def test_a_program_for_another_target_is_refused(program: Program) -> None:
    other = hand_target(chip__clock="2 GHz")
    with pytest.raises(ProgramError) as caught:
        Machine(program, other, 0)
    message = str(caught.value)
    for n, target in enumerate((hand_target(), other)):
        message = message.replace(target.content_hash[:12], f"HASH{n}")
    check_golden("program/refusals/other-target.txt", message)
