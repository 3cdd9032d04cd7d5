"""Train a model of your own on data of your own: three rings of points, a small perceptron.

    python examples/my_own_data.py [--epochs 40] [--folder runs/rings]

The shell can do the same with the two files that this script leaves in the folder:
    ohmflow train runs/rings/rings.onnx -t rpu-2016 --data runs/rings/rings.npz --epochs 40 -o runs/rings/run
"""

import argparse
from pathlib import Path

import numpy as np
import onnx

from ohmflow.compiler import compile_model
from ohmflow.runtime import TrainOptions, train
from ohmflow.targets.registry import load

GRAPH = """
<ir_version: 10, opset_import: ["" : 21]>
rings (float[batch, 2] point) => (float[batch, 3] scores) {
  sum1 = Gemm(point, w1, b1)
  hidden = Relu(sum1)
  scores = Gemm(hidden, w2, b2)
}
"""


def main() -> None:
    """Write rings.npz and rings.onnx, and train."""
    parser = argparse.ArgumentParser(description="Train on data of your own.")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training rows")
    parser.add_argument("--folder", type=Path, default=Path("runs/rings"), help="where files go")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)

    # x: one row a sample; y: whole numbers from 0 for classes, or real ones with --loss mse.
    ring = rng.integers(0, 3, 600)
    angle, radius = rng.uniform(0, 2 * np.pi, 600), 0.3 * (ring + 1) + rng.normal(0, 0.05, 600)
    data = asked.folder / "rings.npz"
    np.savez(data, x=np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), y=ring)

    model = onnx.parser.parse_model(GRAPH)
    for name, shape in {"w1": (2, 64), "b1": (64,), "w2": (64, 3), "b2": (3,)}.items():
        weights = rng.uniform(-1, 1, shape) / np.sqrt(shape[0]) if name[0] == "w" else np.zeros(shape)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights.astype(np.float32), name))
    onnx.save(model, asked.folder / "rings.onnx")

    target = load("rpu-2016")
    run = train(compile_model(model, target), target, str(data), TrainOptions(asked.epochs, batch=8, lr=0.1))
    print(f"test accuracy on the chip: {run.summary['test_accuracy_analog'][-1]:.1%}")


if __name__ == "__main__":
    main()
