"""A run that is killed at any instant goes on to the same bytes as one that never was.

Each instant is drawn from a fixed seed; what the process was doing then depends on the computer, which is the point.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.models import DIGITS_MLP

SHELL = [sys.executable, "-c", "from ohmflow.runtime.cli import main; main()", "train"]
BEGIN = [
    *(str(DIGITS_MLP), "-t", "protonic-psg", "--set", "tile.crossbar.rows=100", "--data", "digits"),
    *("--epochs", "3", "--batch", "60", "--limit", "900", "--limit-test", "64", "--seed", "3"),
    *("--lr-schedule", "steps:0.5@2", "--normalize", "range", "--checkpoint-every", "4"),
]
SAME = ("model.onnx", "ledger.csv", "events.npz")


def finished(folder: Path) -> dict[str, object]:
    """A run's bytes, and its summary without what belongs to the computer."""
    found: dict[str, object] = {name: (folder / name).read_bytes() for name in SAME}
    summary = json.loads((folder / "summary.json").read_text())
    return found | {"summary": {k: v for k, v in summary.items() if k not in ("host_seconds", "versions")}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A run without a break."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run([*SHELL, *BEGIN, "-o", str(folder)], check=True, capture_output=True)
    return finished(folder)


def kill_while_it_trains(process: subprocess.Popen[bytes], folder: Path, delay: float) -> bool:
    """Kill a process some time after it has written a checkpoint; whether it was still alive."""
    before = set(folder.glob("checkpoints/*"))
    while process.poll() is None and not set(folder.glob("checkpoints/*")) - before:
        time.sleep(0.005)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    return alive


def killed_until_done(folder: Path, draws: random.Random, kills: int) -> int:
    """Start, kill, resume, kill again, and at last let it end; the number of kills that hit a training process."""
    hits = 0
    for attempt in range(kills + 1):
        # A kill may come before the folder says what the run is; then there is nothing to go on with.
        words = ["--resume", str(folder)] if (folder / "run.json").exists() else [*BEGIN, "-o", str(folder)]
        process = subprocess.Popen([*SHELL, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if attempt < kills and draws.random() < 0.75:
            hits += kill_while_it_trains(process, folder, draws.uniform(0.0, 0.4))
        elif attempt < kills:
            time.sleep(draws.uniform(0.0, 3.0))  # while it starts, mostly
            process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
    return hits


def test_run_that_is_killed_four_times_ends_in_the_same_bytes(whole: dict[str, object], tmp_path: Path) -> None:
    assert killed_until_done(tmp_path / "run", random.Random(11), 4) >= 1
    assert finished(tmp_path / "run") == whole
    assert not list((tmp_path / "run").glob(".*")), "nothing half written is left"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_run_that_is_killed_fifty_times_in_all_ends_in_the_same_bytes(
    seed: int, whole: dict[str, object], tmp_path: Path
) -> None:
    killed_until_done(tmp_path / "run", random.Random(seed), 5)
    assert finished(tmp_path / "run") == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_a_run_with_its_state_saved(
    number: signal.Signals, status: int, whole: dict[str, object], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(
        [*SHELL, *BEGIN, "-o", str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(run.glob("checkpoints/*")):  # the training has begun
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, said = process.communicate()
    assert process.returncode == status and out == ""
    assert said.splitlines()[-1].endswith(f"go on with: ohmflow train --resume {run}")
    assert not (run / "summary.json").exists()
    subprocess.run([*SHELL, "--resume", str(run)], check=True, capture_output=True)
    assert finished(run) == whole
