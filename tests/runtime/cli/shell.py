"""Running the shell inside the test's process, with what it prints captured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ohmflow.runtime.cli.main import main

Shell = Callable[..., str]
"""Runs a command that must succeed and returns its standard output."""


@dataclass(frozen=True)
class Finished:
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


class Runner:
    """Runs commands and keeps what the last one printed on stderr."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.err = ""

    def finish(self, *words: object) -> Finished:
        """Run a command to its exit status."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        printed = self._capture.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return Finished(status, printed.out, printed.err)

    def __call__(self, *words: object) -> str:
        """Run a command that must succeed."""
        done = self.finish(*words)
        assert done.status == 0, done.err
        self.err = done.err
        return done.out


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Runner]:
    """The shell, in this process."""
    yield Runner(capsys)
