"""Where compiled kernels are kept.

Import this module before any module that declares a kernel: numba fixes a function's cache folder when the function
is decorated. The folder is `$XDG_CACHE_HOME/ohmflow/kernels-<hash>` (`~/.cache` without the variable), and nothing is
written beside the sources. numba notices a change of the file that declares a kernel, but none in what the kernel
calls from other files. So the hash covers the source of everything that a kernel may take in: the kernel folders, the
device plug-ins that are installed, and the versions of numba and ohmflow. A stale kernel can not be found. A kernel
for a device that is not installed (one written in a script) must not be kept: see `covers`.

If the folder can not be written, a warning says so, and kernels go to a temporary folder: every process compiles anew.
"""

import hashlib
import importlib.util
import os
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

import numba


class KernelCacheWarning(UserWarning):
    """Compiled kernels can not be kept; all else works."""


_KERNEL_FOLDERS = ("crossbar", "devices", "machine", "network", "rules")


def _installed_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _plugin_source(module: str) -> bytes | None:
    """Read a plug-in's source without running any of its code."""
    top, *rest = module.split(".")
    # Only the top-level package is looked up: finding a submodule would import, and so run, its parents.
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    if not rest:
        return origin.read_bytes() if origin.suffix == ".py" else None
    path = origin.parent.joinpath(*rest)
    source = next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)
    return source.read_bytes() if source else None


def _plugin_sources() -> dict[str, bytes]:
    """Return the source of every module outside of ohmflow that is registered as the home of a device, by name."""
    modules = {entry.module for entry in entry_points(group="ohmflow.devices")}
    sources = {m: _plugin_source(m) for m in sorted(modules) if m.split(".")[0] != "ohmflow"}
    return {module: source for module, source in sources.items() if source is not None}


def _fingerprint() -> str:
    digest = hashlib.sha256(f"numba {numba.__version__} ohmflow {_installed_version('ohmflow')}".encode())
    here = Path(__file__).parent
    for folder in _KERNEL_FOLDERS:
        for source in sorted((here / folder).glob("*.py")):
            digest.update(f"\n{folder}/{source.name}\n".encode())
            digest.update(source.read_bytes())
    for module, text in _PLUGINS.items():
        digest.update(f"\n{module}\n".encode())
        digest.update(text)
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
    if _writable(folder):
        return folder
    warnings.warn(
        f"kernel cache {folder}: must be writable, not refused; kernels are compiled anew every time, which takes some "
        "15 seconds: set XDG_CACHE_HOME to a folder that can be written",
        KernelCacheWarning,
        stacklevel=2,
    )
    return Path(tempfile.mkdtemp(prefix="ohmflow-kernels-"))


def _has_kernels(folder: Path) -> bool:
    return next(folder.rglob("*.nbi"), None) is not None


_PLUGINS = _plugin_sources()
_FOLDER = _choose_folder()
_COLD = not _has_kernels(_FOLDER)
numba.config.CACHE_DIR = str(_FOLDER)


def folder() -> Path:
    """Return the folder in which this process looks for compiled kernels and keeps new ones."""
    return _FOLDER


def covers(device_part: type) -> bool:
    """Say whether kernels made for a class may be kept.

    The source of a class that no installed package registers is not in the hash, so that a kept kernel could be stale;
    and other processes, which may not be able to import the class, would fail on numba's index that names it.

    Args:
        device_part: the class of a device's planes.

    Returns:
        True if the source of its module is in the hash.
    """
    module = device_part.__module__
    return module.startswith("ohmflow.") or module in _PLUGINS


def covers_planes(planes: object) -> bool:
    """Say whether kernels made for the planes of a device, or of a cell of devices, may be kept; see `covers`."""
    parts = planes if isinstance(planes, tuple) else ()
    return covers(type(planes)) and all(covers_planes(part) for part in parts if isinstance(part, tuple))


def is_cold() -> bool:
    """Say whether kernels have to be compiled first.

    Returns:
        True if the folder held no compiled kernel when this process started: the first step will take seconds longer,
        once for these versions and sources.
    """
    return _COLD
