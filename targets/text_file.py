"""Reading a target's file: a regular file of text, of a size that a target may have."""

import errno
from pathlib import Path

_LARGEST = 1 << 20  # bytes; shipped targets have some ten thousand


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OSError: it can not be read; it is a pipe or a device, which might never end, or it is too large.
        UnicodeDecodeError: it is not UTF-8.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {_LARGEST:,} bytes", str(path))
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
