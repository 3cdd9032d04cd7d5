"""Commands on the pages exist, with their options; those of the README run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ohmflow.runtime.cli.main import cli, main
from tests.docs.pages import PAGES, README, ROOT, inline_code, page_id, shell_lines

TARGETS_OF_MAKE = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def command_of(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """Follow `ohmflow targets show …` to the command and what is given to it."""
    command: click.Command = cli
    context = click.Context(cli, info_name="ohmflow")
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, f"ohmflow has no command '{rest[0]}'"
        context = click.Context(found, parent=context, info_name=rest[0])
        command, rest = found, rest[1:]
    return command, context, rest


def unknown_options(words: list[str]) -> list[str]:
    command, _, rest = command_of(words)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--debug", "--version"}
    return [word for word in rest if re.match(r"--?[a-z]", word) and word not in known]


OPTIONS_OF_STUDIES = ("--folder", "--seeds", "--processes", "--quick", "--table")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_inline_commands_exist_with_their_options(page: Path) -> None:
    for code in inline_code(page):
        words = code.split()
        if words[0] == "ohmflow" and len(words) > 1 and not words[1].startswith("::"):
            assert unknown_options(words) == [], code
        if words[0] == "make":
            assert [word for word in words[1:] if word not in TARGETS_OF_MAKE] == [], code


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_options_named_alone_belong_to_some_command(page: Path) -> None:
    known = {option for name in cli.list_commands(click.Context(cli)) for option in _options(name)}
    known |= {"--model", *OPTIONS_OF_STUDIES}  # of `targets fit`, and of the scripts under examples/reproduce
    named = {code.split()[0] for code in inline_code(page) if re.match(r"--[a-z][a-z-]+( |$)", code)}
    assert named - known - {"--help", "--debug", "--version"} == set()


def _options(name: str) -> set[str]:
    command = cli.get_command(click.Context(cli), name)
    return {option for parameter in command.params for option in parameter.opts} if command is not None else set()


@pytest.mark.parametrize("line", shell_lines(README))
def test_shell_lines_of_the_readme_parse(line: str) -> None:
    words = shlex.split(line)
    match words[0]:
        case "ohmflow":
            command, context, rest = command_of(words)
            command.parse_args(context, rest)
        case "make":
            assert words[1] in TARGETS_OF_MAKE
        case "python":
            assert words[1] == "-c" or (ROOT / words[1]).is_file()
        case _:
            assert words[:2] == ["source", ".venv/bin/activate"]


def test_shell_lines_of_the_readme_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in shell_lines(README):
        words = shlex.split(line)
        if words[0] == "python":
            subprocess.run([sys.executable, *words[1:]], check=True)
        if words[0] == "ohmflow":
            with pytest.raises(SystemExit) as left:
                main(words[1:])
            assert left.value.code == 0, f"{line}\n{capsys.readouterr().err}"
    assert (tmp_path / "runs" / "read" / "outputs.npz").is_file()
