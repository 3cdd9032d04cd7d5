"""Train one model on several chips: accuracy, time and energy side by side.

    python examples/compare_targets.py [--epochs 10] [--targets ideal protonic-psg rpu-2016]

Energy is given with and without the phase `idle`: units that wait, and tiles that the model does not need, leak.
"""

import argparse
from pathlib import Path

from ohmflow.compiler import compile_model
from ohmflow.runtime import TrainOptions, train
from ohmflow.targets.registry import load

MODEL = Path(__file__).parent / "models" / "digits_mlp.onnx"


def train_on(name: str, epochs: int) -> list[str]:
    """Train on one chip and return its row of the table."""
    target = load(name)
    run = train(compile_model(MODEL, target), target, "digits", TrainOptions(epochs=epochs))
    summary = run.summary
    seconds, joules = summary["simulated_seconds"], summary["energy_joules"]
    busy = None if joules is None else joules - summary["energy_by_phase"]["idle"]
    return [
        name,
        f"{summary['test_accuracy_analog'][-1]:.1%}",
        f"{summary['test_accuracy'][-1]:.1%}",
        "–" if seconds is None else f"{seconds * 1e3:.2f} ms",
        "–" if joules is None else f"{joules * 1e3:.2f} mJ",
        "–" if busy is None else f"{busy * 1e3:.2f} mJ",
    ]


def main() -> None:
    """Train on every chip and print the table."""
    parser = argparse.ArgumentParser(description="Train one model on several chips.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training rows")
    parser.add_argument("--targets", nargs="+", default=["ideal", "protonic-psg", "rpu-2016"], help="names or files")
    asked = parser.parse_args()

    rows = [["target", "on the chip", "exported", "chip time", "energy", "without idle"]]
    rows += [train_on(name, asked.epochs) for name in asked.targets]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for name, *cells in rows:
        print("  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]))


if __name__ == "__main__":
    main()
