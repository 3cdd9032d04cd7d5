"""What fuzzing found: each of these files once crashed the process, broke a line of an error or filled the screen."""

import os
from pathlib import Path

import pytest

from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load

HEAD = "name: mine\nsummary: A test\nextends: ideal\n"


def problems(folder: Path, text: str) -> list[str]:
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(TargetError) as caught:
        load(folder / "mine.yaml")
    assert all(problem.isprintable() for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    "deep", ["[" * 30_000, "{a: " * 30_000, "\n" + "- " * 5_000 + "1"], ids=["lists", "maps", "rows"]
)
def test_nesting_without_end_is_refused_before_it_is_composed(tmp_path: Path, deep: str) -> None:
    (problem,) = problems(tmp_path, f"{HEAD}tile: {deep}\n")
    assert problem.endswith(": nesting must be at most 40 deep; a target needs far less")


@pytest.mark.parametrize("value", ['"line\\nbreak"', '"\\0"', '"\\u001b[31m"', '"tab\\t"'])
def test_values_with_control_characters_stay_on_one_line(tmp_path: Path, value: str) -> None:
    assert problems(tmp_path, f"{HEAD}tile: {{crossbar: {{rows: {value}}}}}\n")


def test_an_endless_number_is_shortened(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"{HEAD}tile: {{crossbar: {{rows: {'1' * 100_000}}}}}\n")
    assert len(problem) < 400 and "rows must be a whole number" in problem and problem.endswith("write one such as 1")


def test_an_error_says_the_first_hundred_mistakes_and_counts_the_rest(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + "".join(f"key{k}: 1\n" for k in range(150)))
    with pytest.raises(TargetError) as caught:
        load(tmp_path / "mine.yaml")
    lines = str(caught.value).splitlines()
    assert len(caught.value.problems) == 150 and len(lines) == 101
    assert lines[-1] == "50 more: all must be mended, not these alone; begin with these"


@pytest.mark.parametrize("place", ["/etc/passwd", "/dev/zero", "/proc/self/environ", "../notes.txt"])
def test_only_yaml_files_are_extended(tmp_path: Path, place: str) -> None:
    (problem,) = problems(tmp_path, f"name: mine\nsummary: A test\nextends: {place}\n")
    assert problem.endswith(f"extends must name a .yaml file, not '{place}'; rename the file")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(TargetError, match="target must be a file that can be read, but it is not a regular file"):
        load(tmp_path / "pipe.yaml")


def test_a_file_of_megabytes_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"{HEAD}# {'x' * 2_000_000}\n")
    assert "target must be a file that can be read, but it has more than 1,048,576 bytes" in problem
