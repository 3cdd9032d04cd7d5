"""Ask what a chip would take for a model before training on it: tile sizes against time, energy and area of a sample.

    python examples/estimate_chip.py [--model lenet5.onnx] [--target protonic-psg] [--sizes 128 256 512]

Nothing is executed: counts that depend on numbers are assumed, and the clock times the compiled program.
"""

import argparse
from pathlib import Path

from ohmflow.compiler import compile_model
from ohmflow.runtime.estimate.api import estimate
from ohmflow.targets.registry import load

MODELS = Path(__file__).parent / "models"


def main() -> None:
    """Estimate a step of training for tiles of several sizes."""
    parser = argparse.ArgumentParser(description="Estimate a model on tiles of several sizes.")
    parser.add_argument("--model", default="lenet5.onnx", help="in examples/models")
    parser.add_argument("--target", default="protonic-psg", help="name or file")
    parser.add_argument("--sizes", nargs="*", type=int, default=[128, 256, 512], help="rows and columns of a tile")
    parser.add_argument("--batch", type=int, default=8, help="samples of a step")
    asked = parser.parse_args()

    print(f"{'tile':<10}{'tiles':>6}{'µs/sample':>12}{'µJ/sample':>12}{'leakage':>9}{'tile mm²':>10}")
    for size in asked.sizes:
        target = load(asked.target, {"tile.crossbar.rows": str(size), "tile.crossbar.cols": str(size)})
        given = estimate(compile_model(MODELS / asked.model, target), target, batch=asked.batch)
        work, tile = given.work, given.area.find("tile") if given.area else None
        print(
            f"{f'{size} x {size}':<10}{given.tiles:>6}{work.seconds / work.samples * 1e6:>12.2f}"
            f"{work.joules / work.samples * 1e6:>12.2f}{given.leakage:>9.1%}{tile.each_mm2 if tile else 0:>10.3f}"
        )
    rests = [
        f"{a.about.name}{'@' * bool(a.array)}{a.array} {a.value:g}" for a in given.assumptions if a.value is not None
    ]
    print("\nIt rests on:", ", ".join(rests))


if __name__ == "__main__":
    main()
