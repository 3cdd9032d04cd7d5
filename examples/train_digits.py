"""Train the digits perceptron on the protonic chip, from Python.

    python examples/train_digits.py [--epochs 10] [--folder runs/digits]

`ohmflow train` does the same from the shell, and prints more.
"""

import argparse
from pathlib import Path

from ohmflow.compiler import compile_model
from ohmflow.runtime import TrainOptions, train
from ohmflow.targets.registry import load

MODEL = Path(__file__).parent / "models" / "digits_mlp.onnx"


def main() -> None:
    """Compile, train, and say what came out."""
    parser = argparse.ArgumentParser(description="Train the digits perceptron on the protonic chip.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training rows")
    parser.add_argument("--folder", help="where to write the run's files; nothing is written without it")
    asked = parser.parse_args()

    target = load("protonic-psg")
    program = compile_model(MODEL, target)
    options = TrainOptions(epochs=asked.epochs, batch=10, lr=0.1, seed=0)
    run = train(program, target, "digits", options, asked.folder, overwrite=True)

    summary = run.summary
    print(f"test accuracy, read on the chip   {summary['test_accuracy_analog'][-1]:.1%}")
    print(f"test accuracy, exported weights   {summary['test_accuracy'][-1]:.1%}")
    print(f"time on the chip                  {summary['simulated_seconds'] * 1e3:.2f} ms")
    print(f"energy                            {summary['energy_joules'] * 1e3:.1f} mJ")
    for phase, joules in sorted(summary["energy_by_phase"].items(), key=lambda item: -item[1]):
        print(f"  {phase:<12}                    {joules * 1e6:>9,.1f} µJ")
    if run.folder is not None:
        print(f"written to {run.folder}/")


if __name__ == "__main__":
    main()
