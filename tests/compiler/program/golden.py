"""Golden files of these packages: OHMFLOW_UPDATE_GOLDEN=1 rewrites what is given; a golden without it fails."""

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden"


def check_golden(place: str, text: str) -> None:
    """Compare `text` with the file `place` of tests/golden; both end with one newline."""
    path, text = GOLDEN / place, f"{text.rstrip()}\n"
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path}: OHMFLOW_UPDATE_GOLDEN=1 writes it"
    assert path.read_text() == text, f"{path}: OHMFLOW_UPDATE_GOLDEN=1 rewrites it"
