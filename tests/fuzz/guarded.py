"""Workers that may hang, crash or be killed, and are then replaced; what happened to each case is told.

nice python -m tests.fuzz.guarded models 0 5000 findings.jsonl      all cases of a range; findings, and a summary
"""

import json
import os
import selectors
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.bases import ROOT

SECONDS = 60.0
"""What a case may take: none needs a second, but the computer may be busy."""

Outcome = dict[str, Any]


class _Process:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._start()

    def _start(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", self.kind],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        ready = self._answer(120)
        assert ready is not None and "ready" in ready, "the worker did not start"

    def _answer(self, seconds: float) -> Outcome | None:
        """The next line, or None when the worker died or took too long."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            if not waiting.select(seconds):
                return None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def run(self, case: int) -> Outcome:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{case}\n".encode())
        self._process.stdin.flush()
        answer = self._answer(SECONDS)
        if answer is not None:
            return answer
        died = self._process.poll()
        if died is None:
            try:
                died = self._process.wait(1)  # a crash closes the pipe a moment before the process is gone
            except subprocess.TimeoutExpired:
                pass
        self.close()
        told = f"more than {SECONDS:g} s" if died is None else f"the process died ({died})"
        self._start()
        return {"case": case, "told": "", "status": None, "said": "", "faults": [told], "seconds": SECONDS}

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def outcomes(kind: str, cases: Iterable[int]) -> Iterator[Outcome]:
    """Run cases of `models` or `targets` one by one in a worker."""
    process = _Process(kind)
    try:
        for case in cases:
            yield process.run(case)
    finally:
        process.close()


def _main() -> None:
    kind, first, last, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    statuses: Counter[Any] = Counter()
    findings = 0
    slowest: list[tuple[float, int]] = []
    with file.open("w") as out:
        for outcome in outcomes(kind, range(first, last)):
            statuses[outcome["status"]] += 1
            slowest = sorted([*slowest, (outcome["seconds"], outcome["case"])])[-5:]
            if outcome["faults"]:
                findings += 1
                print(json.dumps(outcome), file=out, flush=True)
    print(f"{sum(statuses.values())} cases, exit statuses {dict(statuses)}, {findings} findings, slowest {slowest}")


if __name__ == "__main__":
    _main()
