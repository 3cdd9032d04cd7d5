"""Every wrong input ends in one block on stderr that says where, what, and what to do: tests/golden/errors/*.txt.

A golden holds the exit status and the whole of stderr. OHMFLOW_UPDATE_GOLDEN=1 rewrites them; review what changed.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.cli.error_cases import CASES, Words
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
GOLDEN = Path(__file__).parents[2] / "golden" / "errors"
ROOT = Path(__file__).parents[3]


def result(runner: Runner, folder: Path, make: Callable[[Path], Words]) -> tuple[int, str]:
    done = runner.finish(*make(folder))
    assert done.out == ""
    said = done.err.replace(str(folder), "FOLDER").replace(str(ROOT), "ROOT")
    return done.status, re.sub(r"\b[0-9a-f]{12}\b", "HASH", said)


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_ends_as_its_golden_says(name: str, shell: Runner, tmp_path: Path) -> None:
    status, said = result(shell, tmp_path, CASES[name])
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        golden.write_text(f"exit status {status}\n{said}")
    assert golden.read_text() == f"exit status {status}\n{said}", f"{golden}: OHMFLOW_UPDATE_GOLDEN=1 rewrites it"


def test_every_golden_has_its_case() -> None:
    assert {p.stem for p in GOLDEN.glob("*.txt")} == set(CASES)


SENTENCE = re.compile(r"^.+?: .*\bmust\b.+; .+$")


# Sentences of packages below the shell that do not follow the rule yet.


def _goldens() -> list[Any]:
    return [pytest.param(GOLDEN / f"{name}.txt", id=name) for name in CASES]


@pytest.mark.parametrize("path", _goldens())
def test_golden_is_one_block_of_whole_sentences(path: Path) -> None:
    status, *lines = path.read_text().splitlines()
    assert status in ("exit status 2", "exit status 3"), "1 would be a defect of ohmflow"
    assert lines and lines[0].startswith("error: ")
    lines[0] = lines[0].removeprefix("error: ")
    for line in lines:
        assert SENTENCE.match(line), f"'{line}' must read: where: what must be …, not …; do this"
        assert not line.endswith("."), line
    assert "Traceback" not in "".join(lines)
    assert not re.search(r"\bnp\.|<class|object at 0x|Errno", "".join(lines))
