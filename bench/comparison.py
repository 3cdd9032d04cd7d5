"""What the benchmarks share: comparisons of two kinds of work, and the file in which `run_all.py` collects them.

Ratios are taken turn by turn, ours over theirs, since both take turns in one process and what else the machine does
slows both; a median of them with its quartiles says more than two fastest times.
"""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles


@dataclass(frozen=True)
class Comparison:
    """One line of the table: the same work done by ohmflow and by something else.

    Attributes:
        name: what was done.
        reference: what did it beside ohmflow.
        ours: seconds (or `unit`) of ohmflow, one a turn.
        theirs: the same of the reference, in the same turns.
        unit: of both.
    """

    name: str
    reference: str
    ours: Sequence[float]
    theirs: Sequence[float]
    unit: str = "s"

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, turn by turn: below 1, ohmflow takes less."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The quarter and three quarters of all ratios; of one turn, that one twice."""
        if len(self.ours) < 2:
            return self.ratio, self.ratio
        first, _, third = quantiles(self.ratios, n=4, method="inclusive")
        return first, third


def take_turns(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Do each work in turn, `repeats` times after one that is not counted.

    Args:
        works: Name to what is done.
        repeats: Counted turns.

    Returns:
        Name to seconds, one a turn.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def options(description: str | None, repeats: int) -> ArgumentParser:
    """Make the options that every benchmark has.

    Args:
        description: The module's docstring.
        repeats: Counted turns if none are asked for.

    Returns:
        A parser, to which a benchmark adds its own.
    """
    parser = ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=repeats, help="counted turns of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the comparisons there")
    return parser


def deliver(found: Iterable[Comparison], path: Path | None) -> None:
    """Write comparisons for `run_all.py`, if it asked for them.

    Args:
        found: What was measured.
        path: A file, or None.
    """
    if path is not None:
        path.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")


def collect(path: Path) -> list[Comparison]:
    """Read what `deliver` wrote.

    Args:
        path: The file.

    Returns:
        The comparisons.
    """
    return [Comparison(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
