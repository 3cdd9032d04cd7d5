"""Files that are whole or not there: written under a hidden name beside the place, synced, and moved into it.

A process that is killed at any instant leaves the old file or the new one, and at most a hidden file, which the next
run of the same folder removes.
"""

import os
from collections.abc import Callable
from pathlib import Path

_SUFFIX = ".part"


def replace_file(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically.

    Args:
        file: where it is to stand; what stands there stays until the new file is whole.
        write: writes to the path that it is given, in the same folder.

    Raises:
        OSError: the folder can not be written.
    """
    part = file.with_name(f".{file.name}{_SUFFIX}")
    try:
        write(part)
        with part.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(part, file)
    except BaseException as error:
        # A full disk is found while writing, when Python no longer knows the name; and nobody chose the hidden one.
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename = str(file)
        part.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def replace_bytes(file: Path, data: bytes) -> None:
    """Write bytes atomically; see `replace_file`."""
    replace_file(file, lambda part: part.write_bytes(data))


def replace_text(file: Path, text: str) -> None:
    """Write text in UTF-8 atomically; see `replace_file`."""
    replace_bytes(file, text.encode())


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable, where the system can (Windows can not)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_parts(folder: Path) -> None:
    """Remove what a killed process left half written in a folder."""
    for part in folder.glob(f".*{_SUFFIX}"):
        part.unlink(missing_ok=True)
