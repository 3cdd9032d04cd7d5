"""The tutorial runs from its first command to its last, in one folder, and prints what the page shows.

A block of Python or YAML with a file name is written to that file. A `text` block shows what the block of commands
before it prints: lines in order, `…` for any number of others, or for the rest of its line. A command that ends in
`# then press Ctrl-C` is stopped that way; one that is shown to end in an error must do so.
"""

import contextlib
import io
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from math import isclose
from pathlib import Path

import pytest

from ohmflow.runtime.cli.main import main
from tests.docs.pages import ROOT, Fence, fences
from tests.docs.test_figures import NUMBER, shape

PAGE = ROOT / "docs" / "tutorial.md"
SETUP = ("python3 -m venv", "source ", "pip install")
"""What has been done before a test can run."""

TOLERANCE = 0.25
"""Equal seeds give equal bits on equal processors; others differ in a last bit, which training makes larger."""


def steps() -> Iterator[tuple[Fence, list[str]]]:
    """Files to write and blocks of commands, in order, each with the lines that it shows."""
    blocks = fences(PAGE)
    for number, block in enumerate(blocks):
        after = blocks[number + 1] if number + 1 < len(blocks) else None
        shown = after.text.splitlines() if after is not None and after.language == "text" else []
        if block.language == "sh" or block.name:
            yield block, shown


def agrees(shown: str, given: str) -> bool:
    if shown.endswith(" …"):
        shown = shown.removesuffix(" …")
        given = " ".join(given.split()[: len(shown.split())])
    if shape(shown) != shape(given):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(given), strict=True)
    return all(isclose(*(float(n.replace(",", "")) for n in pair), rel_tol=TOLERANCE, abs_tol=1.0) for pair in pairs)


def missing(shown: list[str], given: list[str]) -> str | None:
    """The first line shown that is not given behind the one before it."""
    at = 0
    for line in shown:
        if line.strip() in ("", "…"):
            continue
        found = next((k for k in range(at, len(given)) if agrees(line, given[k])), None)
        if found is None:
            return line
        at = found + 1
    return None


def run(words: list[str], fails: bool) -> str:
    """Run a command in this process and return what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            assert words[0] == "ohmflow"
            with pytest.raises(SystemExit) as left:
                main(words[1:])
            assert left.value.code in ((2, 3) if fails else (0,)), f"{shlex.join(words)}\n{err.getvalue()}"
    return err.getvalue() + out.getvalue()


def stop(words: list[str]) -> str:
    """Run a training as a process of its own, and stop it as Ctrl-C does once it has trained two epochs."""
    program = "import sys; from ohmflow.runtime.cli.main import main; main(sys.argv[1:])"
    training = subprocess.Popen(
        [sys.executable, "-c", program, *words[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    checkpoints = Path(words[words.index("-o") + 1]) / "checkpoints"
    while training.poll() is None and not list(checkpoints.glob("epoch-0003-*")):
        time.sleep(0.05)
    training.send_signal(signal.SIGINT)
    printed, _ = training.communicate(timeout=60)
    assert training.returncode == 130, printed
    return printed


def without_place(line: str) -> str:
    """Where exactly it stopped depends on when the key was pressed."""
    return re.sub(r"in epoch \d+ of 40 after \d+ of 126", "in epoch 3 of 40 after 15 of 126", line)


def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block, shown in steps():
        if block.name:
            Path(block.name).write_text(block.text)
            continue
        given: list[str] = []
        for line in block.text.splitlines():
            if line.startswith(SETUP):
                continue
            command, _, comment = line.partition("  # ")
            words = shlex.split(command)
            printed = stop(words) if "Ctrl-C" in comment else run(words, any(s.startswith("error:") for s in shown))
            given += [without_place(" ".join(line.split())) for line in printed.splitlines()]
        lost = missing(shown, given)
        assert lost is None, f"docs/tutorial.md, line {block.line}: not printed any more: {lost}\n" + "\n".join(given)
    for left in ("runs/digits/report.html", "compare.html", "runs/long/model.onnx"):
        assert (tmp_path / left).is_file()


def test_a_line_that_moved_or_changed_is_noticed() -> None:
    assert missing(["a 1", "…", "b 2"], ["a 1", "c", "b 2"]) is None
    assert missing(["b 2", "a 1"], ["a 1", "b 2"]) == "a 1"
    assert missing(["loss 10.0"], ["loss 20.0"]) == "loss 10.0"
    assert missing(["loss 10.0 …"], ["loss  10.0 and more"]) is None
