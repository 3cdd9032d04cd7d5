"""Places that can not be written, which need more than files in an empty folder to come about."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ohmflow.runtime.training.run_folder
from ohmflow.runtime.training.atomic import replace_bytes
from tests.runtime.cli.error_cases import small, train
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]


def test_a_trained_model_on_a_full_disk(shell: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_a_full_disk(file: Path, data: bytes) -> None:
        file.with_name(f".{file.name}.part").symlink_to("/dev/full")
        replace_bytes(file, data)

    monkeypatch.setattr(ohmflow.runtime.training.run_folder, "replace_bytes", on_a_full_disk)
    done = shell.finish(*train(tmp_path))
    run = tmp_path / "run"
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"error: -o {run}: must take the run's files, but {run / 'model.onnx'} failed (No space left on device); "
        "free space\n"
    )


def test_a_file_on_a_full_disk_is_named_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"old")
    (tmp_path / ".model.onnx.part").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        replace_bytes(tmp_path / "model.onnx", b"new" * 10_000)
    assert caught.value.filename == str(tmp_path / "model.onnx")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model.onnx", b"old")]


@pytest.mark.parametrize("command", ["train", "compile"])
def test_a_folder_that_can_not_be_written(
    shell: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Permissions do not bind root, so the system's answer is made up."""
    model, locked = small(tmp_path), tmp_path / "locked"
    locked.mkdir()
    words = train(tmp_path, model=model) if command == "train" else ["compile", model, "-t", "ideal"]
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked)
    done = shell.finish(*words, "-o", locked / "run")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"error: -o {locked / 'run'}: must be writable, but is not; choose another folder\n"
    assert not any(locked.iterdir())


def test_a_kernel_cache_that_can_not_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    code = "from ohmflow.runtime import kernel_cache; from ohmflow.runtime.cli import main; main(['targets', 'list'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "file")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "must be writable, not refused; kernels are compiled anew every time" in done.stderr
