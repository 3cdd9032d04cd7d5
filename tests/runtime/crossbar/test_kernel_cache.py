import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import ohmflow.runtime.kernel_cache

PROGRAM = """
from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.draws import mix
import numpy
mix(numpy.uint64(1))
print(kernel_cache.folder(), kernel_cache.is_cold(), sum(mix.stats.cache_hits.values()))
"""


def run(cache_home: Path) -> tuple[Path, bool, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"XDG_CACHE_HOME": str(cache_home)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, cold, hits = done.stdout.split()
    return Path(folder), cold == "True", int(hits)


def test_kernels_are_compiled_once_and_kept_in_the_users_cache(tmp_path):
    folder, cold, hits = run(tmp_path)
    assert folder.parent == tmp_path / "ohmflow" and folder.name.startswith("kernels-")
    assert cold and hits == 0
    assert list(folder.rglob("*.nbi"))
    assert run(tmp_path) == (folder, False, 1)


def test_nothing_is_written_beside_the_sources():
    sources = Path(ohmflow.runtime.kernel_cache.__file__).parent
    assert not [*sources.rglob("*.nbi"), *sources.rglob("*.nbc")]


def test_a_cache_that_can_not_be_written_is_replaced_by_a_temporary_one(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    folder, cold, _ = run(tmp_path / "file")
    assert folder.name.startswith("ohmflow-kernels-") and cold


def test_a_cache_that_can_not_be_written_is_told_and_training_goes_on(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(ohmflow.runtime.kernel_cache.KernelCacheWarning) as told:
        folder = ohmflow.runtime.kernel_cache._choose_folder()
    assert folder.is_dir() and folder.name.startswith("ohmflow-kernels-")
    wanted = tmp_path / "file" / "ohmflow" / f"kernels-{ohmflow.runtime.kernel_cache._fingerprint()}"
    assert str(told[0].message) == (
        f"kernel cache {wanted}: must be writable, not refused; kernels are compiled anew every time, which takes some "
        "15 seconds: set XDG_CACHE_HOME to a folder that can be written"
    )


def test_a_changed_kernel_source_has_a_folder_of_its_own(tmp_path, monkeypatch):
    before = ohmflow.runtime.kernel_cache._fingerprint()
    package = tmp_path / "runtime"
    for name in ("crossbar", "devices", "machine"):
        (package / name).mkdir(parents=True)
    (package / "crossbar" / "draws.py").write_text("changed")
    monkeypatch.setattr(ohmflow.runtime.kernel_cache, "__file__", str(package / "kernel_cache.py"))
    assert ohmflow.runtime.kernel_cache._fingerprint() != before


@pytest.mark.parametrize("relative", ["", "somewhere"])
def test_a_relative_cache_home_is_ignored(monkeypatch, tmp_path, relative):
    monkeypatch.setenv("XDG_CACHE_HOME", relative)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ohmflow.runtime.kernel_cache._choose_folder().parent == tmp_path / ".cache" / "ohmflow"


def test_a_plug_in_is_in_the_hash_without_being_run(tmp_path, monkeypatch):
    package = tmp_path / "outside_devices"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('was run')")
    (package / "sticky.py").write_text("raise SystemExit('was run')")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint("sticky", "outside_devices.sticky:Sticky", "ohmflow.devices")]
    monkeypatch.setattr(ohmflow.runtime.kernel_cache, "entry_points", lambda group: entries)
    assert ohmflow.runtime.kernel_cache._plugin_sources() == {"outside_devices.sticky": b"raise SystemExit('was run')"}
