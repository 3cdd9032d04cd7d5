"""The benchmarks' table: what it says follows from the turns, and what could not be measured is named."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def bench_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a benchmark runs as a script."""
    monkeypatch.syspath_prepend(BENCH)


def test_ratios_are_taken_turn_by_turn() -> None:
    from comparison import Comparison

    # The machine was twice as slow in the second turn: the ratio of neighbours does not see it.
    one = Comparison("work", "other", [1.0, 2.0, 3.0], [2.0, 4.0, 2.0])
    assert one.ratios == [0.5, 0.5, 1.5]
    assert one.ratio == 0.5
    assert one.quartiles == (0.5, 1.0)
    assert Comparison("work", "other", [1.0], [4.0]).quartiles == (0.25, 0.25)


def test_the_first_turn_does_not_count() -> None:
    from comparison import take_turns

    order: list[str] = []
    seconds = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3
    assert [len(each) for each in seconds.values()] == [2, 2]


def test_table_names_the_machine_every_work_and_what_was_not_measured() -> None:
    from comparison import Comparison
    from run_all import machine, table

    found = {
        "reads": [Comparison("a read", "numpy", [2e-3, 4e-3], [1e-3, 1e-3])],
        "cycles": [Comparison("a net", "whole", [10], [40], "cycles"), Comparison("once", "numpy", [2e-5], [1e-5])],
    }
    page = table(machine(), found, {"peer": "it is not installed"})
    for fact in ("processor", "cores", "numpy", "numba", "python"):
        assert f"* {fact}: " in page
    assert "| a read | numpy | 3 ms | 1 ms | 3.00 | 2.50 – 3.50 | 2 |" in page
    assert "| a net | whole | 10 cycles | 40 cycles | 0.25 | exact | 1 |" in page
    assert "| once | numpy | 20 µs | 10 µs | 2.00 | – | 1 |" in page
    assert "## peer\n\nNot measured: it is not installed" in page


def test_every_script_but_the_two_shared_ones_takes_part() -> None:
    from run_all import SCRIPTS

    names = {path.stem for path in (*BENCH.glob("*.py"), *(BENCH / "peers").glob("*.py"))}
    assert {path.stem for path in SCRIPTS} == names - {"run_all", "comparison"}
    assert [path.name for path in SCRIPTS if "deliver(" not in path.read_text()] == []


@pytest.mark.skipif(find_spec("aihwkit") is not None, reason="aihwkit is here")
def test_without_aihwkit_its_peer_says_what_to_install(tmp_path: Path) -> None:
    output = tmp_path / "table.json"
    command = [sys.executable, BENCH / "run_all.py", "--only", "aihwkit", "-o", output]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    told = json.loads(output.read_text())["skipped"]["aihwkit"]
    assert told.startswith("aihwkit is not installed here") and "pip install aihwkit" in told
