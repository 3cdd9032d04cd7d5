"""Where compiled kernels are kept.

Import this module before any module that declares a kernel: numba fixes a function's cache folder when the function
is decorated. The folder is `$XDG_CACHE_HOME/ohmflow/kernels-<hash>` (`~/.cache` without the variable), and nothing is
written beside the sources. numba notices a change of the file that declares a kernel, but none in what the kernel
calls from other files. So the hash covers the source of everything that a kernel may take in: the kernel folders, the
device plug-ins that are installed, and the versions of numba and ohmflow. A stale kernel can not be found.

If the folder can not be written, kernels go to a temporary folder and are compiled anew by every process.
"""

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

import numba

_KERNEL_FOLDERS = ("crossbar", "devices", "machine")


def _installed_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _plugin_sources() -> Iterator[bytes]:
    """Yield name, version and source of every installed device, without running any plug-in's code."""
    for entry in sorted(entry_points(group="ohmflow.devices"), key=lambda e: (e.name, e.value)):
        owner = entry.dist
        yield f"{entry.name}={entry.value}:{owner.name if owner else ''}:{owner.version if owner else ''}".encode()
        top, *rest = entry.module.split(".")
        if top == "ohmflow":
            continue
        # Only the top-level package is looked up: finding a submodule would import, and so run, its parents.
        spec = importlib.util.find_spec(top)
        origin = Path(spec.origin) if spec and spec.origin else None
        if origin is None:
            continue
        module = origin.parent.joinpath(*rest) if rest else origin.with_suffix("")
        for source in (module.with_suffix(".py"), module / "__init__.py"):
            if source.is_file():
                yield source.read_bytes()


def _fingerprint() -> str:
    digest = hashlib.sha256(f"numba {numba.__version__} ohmflow {_installed_version('ohmflow')}".encode())
    here = Path(__file__).parent
    for folder in _KERNEL_FOLDERS:
        for source in sorted((here / folder).glob("*.py")):
            digest.update(f"\n{folder}/{source.name}\n".encode())
            digest.update(source.read_bytes())
    for item in _plugin_sources():
        digest.update(b"\n")
        digest.update(item)
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_folder() -> Path:
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # The base-directory specification says that a relative path in the variable is to be ignored.
        root = Path(cache_home) if os.path.isabs(cache_home) else Path.home() / ".cache"
    except RuntimeError:  # no home folder is known
        return Path(tempfile.mkdtemp(prefix="ohmflow-kernels-"))
    folder = root / "ohmflow" / f"kernels-{_fingerprint()}"
    return folder if _writable(folder) else Path(tempfile.mkdtemp(prefix="ohmflow-kernels-"))


def _has_kernels(folder: Path) -> bool:
    return next(folder.rglob("*.nbi"), None) is not None


_FOLDER = _choose_folder()
_COLD = not _has_kernels(_FOLDER)
numba.config.CACHE_DIR = str(_FOLDER)


def folder() -> Path:
    """Return the folder in which this process looks for compiled kernels and keeps new ones."""
    return _FOLDER


def is_cold() -> bool:
    """Say whether kernels have to be compiled first.

    Returns:
        True if the folder held no compiled kernel when this process started: the first step will take seconds longer,
        once for these versions and sources.
    """
    return _COLD
