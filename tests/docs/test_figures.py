"""Figures of the README: each has its command beside it, and the command still gives it."""

import re
import runpy
import shlex
import sys
from math import isclose
from pathlib import Path

import pytest

from ohmflow.runtime.cli.main import main
from tests.docs.pages import README, ROOT, Fence, fences, prose

COMMAND = re.compile(r"`((?:make|ohmflow|python) [^`]+)`")
FIGURE = re.compile(r"\d\s?(?:%|[numkMG]?(?:s|J|W|Hz)\b|µ[sJW]\b|cycles\b|min\b|h\b)")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
TOLERANCE = 0.1
"""Equal seeds give equal bits on equal processors; others differ in a last bit, which training makes larger."""


def captures() -> list[tuple[str, Fence]]:
    """The README's `text` blocks, each with the command in the paragraph before it."""
    paragraphs = [block.strip() for block in prose(README).split("\n\n")]
    before = [paragraphs[k - 1] for k, block in enumerate(paragraphs) if block == "<text>"]
    shown = [fence for fence in fences(README) if fence.language == "text"]
    assert all(COMMAND.search(paragraph) for paragraph in before), "a capture needs its command in the line before it"
    return [(COMMAND.findall(paragraph)[-1], fence) for paragraph, fence in zip(before, shown, strict=True)]


def shape(line: str) -> str:
    """A line without its numbers, bars and spacing."""
    return " ".join(NUMBER.sub("#", re.sub(r"[▏▎▍▌▋▊▉█]+", "", line)).split())


def agrees(shown: str, given: str) -> bool:
    if shape(shown) != shape(given):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(given), strict=True)
    return all(isclose(*(float(n.replace(",", "")) for n in pair), rel_tol=TOLERANCE, abs_tol=0.1) for pair in pairs)


def run(command: str) -> None:
    """Run a command of the README in this process."""
    words = shlex.split(command)
    if words == ["make", "demo"]:
        recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert recipe is not None
        words = shlex.split(recipe[1].replace("\\\n", " ").replace("@$(BIN)/", ""))
    if words[0] == "ohmflow":
        with pytest.raises(SystemExit) as left:
            main(words[1:])
        assert left.value.code == 0
    else:
        sys.argv = words[1:]
        runpy.run_path(words[1], run_name="__main__")


def test_every_figure_in_the_prose_stands_beside_a_command() -> None:
    bare = [block for block in prose(README).split("\n\n") if FIGURE.search(block) and not COMMAND.search(block)]
    assert bare == []


@pytest.mark.parametrize(("command", "fence"), captures(), ids=[command for command, _ in captures()])
def test_capture_is_what_its_command_prints(
    command: str,
    fence: Fence,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run(command)
    printed = capsys.readouterr()
    given = [*printed.err.split("\n"), *printed.out.split("\n")]
    shown = [line for line in fence.text.split("\n") if line.strip() not in ("", "…")]
    assert [line for line in shown if not any(agrees(line, other) for other in given)] == [], f"run {command} again"
