"""Where target files are: the library, and folders that plug-ins bring.

A plug-in names a module or package by an entry point of the group `ohmflow.targets`; the YAML files in its folder are
targets. A file's stem is the target's name. A plug-in that fails is reported and left out.
"""

import importlib
import warnings
from collections.abc import Iterator
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ohmflow.targets.errors import TargetError, TargetWarning

GROUP = "ohmflow.targets"
LIBRARY = "ohmflow.targets.library"


def files() -> dict[str, Path]:
    """Every known target file by name, sorted.

    Raises:
        TargetError: two files have the same name.
    """
    found: dict[str, Path] = {}
    problems = []
    for folder in folders():
        for path in sorted(folder.glob("*.yaml")):
            other = found.setdefault(path.stem, path)
            if other != path:
                problems.append(
                    f"{path}: name '{path.stem}' must belong to one target, not also to {other}; rename one of the two"
                )
    if problems:
        raise TargetError(problems)
    return dict(sorted(found.items()))


def folders() -> Iterator[Path]:
    """Folders of target files, the library first, each once."""
    seen = set()
    for folder in (_library(), *_plugin_folders()):
        resolved = folder.resolve()
        if resolved not in seen:
            seen.add(resolved)
            yield folder


def _library() -> Path:
    folder = resources.files(LIBRARY)
    assert isinstance(folder, Path), "the package is installed as files"
    return folder


def target_entries() -> tuple[EntryPoint, ...]:
    """Entry points of plug-ins that bring targets."""
    return tuple(entry_points(group=GROUP))


def _plugin_folders() -> Iterator[Path]:
    for entry in target_entries():
        try:
            folder = _folder_of(entry.module)
        except Exception as error:  # a plug-in may fail in any way; it must not take the others with it
            owner = f" of {entry.dist.name}" if entry.dist else ""
            text = (
                f"target plug-in '{entry.name}'{owner} ({entry.value}) must be importable, not fail with "
                f"{type(error).__name__}: {error}; mend or uninstall it"
            )
            warnings.warn(text, TargetWarning, stacklevel=2)
            continue
        yield folder


def _folder_of(name: str) -> Path:
    module = importlib.import_module(name)
    if module.__file__:
        return Path(module.__file__).parent
    for place in getattr(module, "__path__", ()):  # a namespace package has folders, but no file
        return Path(place)
    raise ImportError(f"module '{name}' has no folder")
