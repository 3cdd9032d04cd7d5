"""Run every benchmark and write one table, with ratios and what machine they are of.

    python bench/run_all.py [-o table.md] [--repeats N] [--only epoch read_kernel]

Each file of `bench/` that has `--json` runs in a process of its own, one after the other, then those of `bench/peers/`
whose library is installed. A table that ends in .json holds every single turn too. The machine should have nothing
else to do: the load before and after stands in the table.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

from comparison import Comparison, collect
from threadpoolctl import threadpool_info

HERE = Path(__file__).resolve().parent
SCRIPTS = [
    path
    for path in (*sorted(HERE.glob("*.py")), *sorted((HERE / "peers").glob("*.py")))
    if path.stem not in ("run_all", "comparison")
]
LIBRARIES = ("ohmflow", "numpy", "numba", "onnxruntime", "onnx")
NOT_INSTALLED = 3
HEAD = "| work | beside | ours | theirs | ratio | quartiles | turns |\n|---|---|---:|---:|---:|---:|---:|\n"


def machine() -> dict[str, str]:
    """Say what a figure of time depends on."""
    import numpy  # noqa: F401  (so that its BLAS is among what threadpoolctl finds)

    blas = {f"{one['internal_api']} {one['version']} ({one.get('architecture', '?')})" for one in threadpool_info()}
    return {
        "processor": _processor(),
        "cores": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} usable",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "BLAS": ", ".join(sorted(blas)) or "?",
    }


def _processor() -> str:
    """The processor's name: Linux has it in a file of its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def load() -> str:
    """How many processes want to run, over 1, 5 and 15 minutes."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def measure(script: Path, repeats: int | None) -> tuple[list[Comparison], str | None]:
    """Run one benchmark.

    Args:
        script: Its file.
        repeats: Counted turns, or None for its own number.

    Returns:
        What it measured, and why it did not, if so.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        more = [] if repeats is None else ["--repeats", str(repeats)]
        command = [sys.executable, str(script), "--json", str(result), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and result.exists():
            return collect(result), None
    told = (done.stderr.strip().splitlines() or ["it wrote no comparisons"])[-1]
    return [], told if done.returncode == NOT_INSTALLED else f"failed with status {done.returncode}: {told}"


def row(one: Comparison) -> str:
    """A line of the table."""
    low, high = one.quartiles
    ours, theirs = (_quantity(median(values), one.unit) for values in (one.ours, one.theirs))
    spread = f"{low:.2f} – {high:.2f}" if len(one.ours) > 1 else "–" if one.unit == "s" else "exact"
    return f"| {one.name} | {one.reference} | {ours} | {theirs} | {one.ratio:.2f} | {spread} | {len(one.ours)} |"


def _quantity(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:,.0f} {unit}"
    scale, prefix = next(((s, p) for s, p in ((1.0, ""), (1e-3, "m")) if value >= s), (1e-6, "µ"))
    return f"{value / scale:.3g} {prefix}s"


def table(facts: dict[str, str], found: dict[str, list[Comparison]], skipped: dict[str, str]) -> str:
    """Write the page: the machine, then a table for each benchmark."""
    lines = ["# Benchmarks", "", "Ratio: ours over theirs, the median over turns; below 1, ohmflow takes less.", ""]
    lines += [f"* {name}: {value}" for name, value in facts.items()]
    for name, comparisons in found.items():
        lines += ["", f"## {name}", "", HEAD + "\n".join(map(row, comparisons))]
    lines += [f"\n## {name}\n\nNot measured: {why}" for name, why in skipped.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run them all, print the page and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the table there, .md or .json")
    parser.add_argument("--repeats", type=int, help="counted turns of each; each benchmark has its own number")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[path.stem for path in SCRIPTS], help="some of them"
    )
    asked = parser.parse_args()
    before = load()
    found: dict[str, list[Comparison]] = {}
    skipped: dict[str, str] = {}
    for script in SCRIPTS:
        if asked.only and script.stem not in asked.only:
            continue
        print(f"{script.stem} …", file=sys.stderr, flush=True)
        comparisons, why = measure(script, asked.repeats)
        if why is None:
            found[script.stem] = comparisons
        else:
            skipped[script.stem] = why
    facts = {**machine(), "load before": before, "load after": load()}
    page = table(facts, found, skipped)
    print(page)
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        turns = {name: [asdict(one) | {"ratio": one.ratio} for one in each] for name, each in found.items()}
        data = json.dumps({"machine": facts, "benchmarks": turns, "skipped": skipped}, indent=1) + "\n"
        asked.output.write_text(data if asked.output.suffix == ".json" else page, encoding="utf-8")
    return 1 if any(why.startswith("failed") for why in skipped.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
