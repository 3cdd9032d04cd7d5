"""Train an ONNX model in float32 on ONNX Runtime: what a training on a chip is compared with.

    python examples/reproduce/float_training.py MODEL --data DATA [--epochs N …] -o FOLDER

The training graph is the one that ohmflow compiles, as plain ONNX; batches, their order and the learning rates are
those of `ohmflow train` with the same options. The folder takes `model.onnx` (trained) and `summary.json`, and while
training lasts `checkpoint.npz`, from which the same command goes on.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.autodiff.training_graph import TrainingGraph
from ohmflow.compiler.frontend import load_model
from ohmflow.runtime.digital.sessions import session_options
from ohmflow.runtime.training.accuracy import digital_accuracy
from ohmflow.runtime.training.data import DataSource, load_data
from ohmflow.runtime.training.train_options import TrainOptions

SHUFFLE = 0x0DE5
"""Purpose number of the generator that shuffles: default_rng([seed, SHUFFLE, epoch]), see docs/semantics.md."""

Values = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FloatNet:
    """A training step as a session.

    Attributes:
        source: the model as it was given.
        training: its training graph.
        session: runs one step.
        following: output that carries the next value, by the name of what is trained.
    """

    source: onnx.ModelProto
    training: TrainingGraph
    session: onnxruntime.InferenceSession
    following: Mapping[str, str]

    @classmethod
    def of(cls, path: Path) -> "FloatNet":
        """Differentiate a model."""
        training = training_graph(extract_arrays(load_model(path)), "cross-entropy", path.name)
        proto = training_onnx(training)
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
        )
        # An array that several nodes read is updated by each in turn; the last value counts.
        following = {update.array: update.next for update in training.updates}
        following |= {parameter.name: parameter.next for parameter in training.parameters}
        following |= {state.name: state.next for state in training.states}  # running statistics
        return cls(onnx.load(path), training, session, following)

    def initial(self) -> Values:
        """Values before the first step."""
        stored = self.training.model.graph.initializers
        return {name: stored[name].const_value.numpy() for name in self.following}  # type: ignore[union-attr]

    def step(self, values: Values, x: NDArray[Any], y: NDArray[Any], lr: float) -> tuple[Values, float]:
        """One step: the values after it, and the loss before."""
        feeds = {
            self.training.data_inputs[0]: x,
            self.training.label.name: y,
            self.training.lr: np.array(lr, np.float32),
        }
        outputs = [self.training.loss, *self.following.values()]
        loss, *results = self.session.run(outputs, feeds | values)
        return dict(zip(self.following, results, strict=True)), float(loss)

    def model(self, values: Values) -> onnx.ModelProto:
        """The source model with trained values."""
        stored = {t.name: onnx.numpy_helper.to_array(t).copy() for t in self.source.graph.initializer}
        for info in self.training.arrays:
            part = slice(*info.part) if info.part is not None else slice(None)
            value = values[info.name].T if info.transposed else values[info.name]
            stored[info.initializer][part] = value.reshape(stored[info.initializer][part].shape)
        stored |= {parameter.name: values[parameter.name] for parameter in self.training.parameters}
        stored |= {state.name: values[state.name] for state in self.training.states if state.exported}
        model = onnx.ModelProto()
        model.CopyFrom(self.source)
        for tensor in model.graph.initializer:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(stored[tensor.name]), tensor.name))
        return model


def train(path: Path, source: DataSource, options: TrainOptions, folder: Path) -> dict[str, Any]:
    """Train, going on from the folder's checkpoint if there is one, and return the summary."""
    net = FloatNet.of(path)
    inputs = net.session.get_inputs()[0].shape[1:]
    data = load_data(source, seed=options.seed)
    shape = (-1, *inputs)
    x, y = np.asarray(data.train.x).reshape(shape), data.train.y
    tested = data.with_rows(data.train, data.val, type(data.test)(np.asarray(data.test.x).reshape(shape), data.test.y))
    values = net.initial()
    losses: list[float] = []
    before = 0.0
    checkpoint = folder / "checkpoint.npz"
    if checkpoint.is_file():
        with np.load(checkpoint) as kept:
            values = {name: kept[f"value/{name}"] for name in values}
            losses, before = [float(v) for v in kept["losses"]], float(kept["seconds"])
    start = time.perf_counter() - before
    for epoch in range(len(losses) + 1, options.epochs + 1):
        rate = options.schedule.rate(options.lr, epoch, options.epochs)
        order = np.random.default_rng([options.seed, SHUFFLE, epoch]).permutation(len(x))
        total = 0.0
        for begin in range(0, len(order), options.batch):
            chosen = order[begin : begin + options.batch]
            values, loss = net.step(values, x[chosen], y[chosen], rate)
            total += loss * len(chosen)
        losses.append(total / len(x))
        print(f"epoch {epoch:3} of {options.epochs}: loss {losses[-1]:.4f}", flush=True)
        kept = {f"value/{name}": value for name, value in values.items()}
        np.savez(folder / "half.npz", losses=losses, seconds=time.perf_counter() - start, **kept)
        (folder / "half.npz").replace(checkpoint)  # at once, so that a break leaves one whole checkpoint
    model = net.model(values)
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    summary = {
        "model": path.name,
        "target": "float",
        "seed": options.seed,
        "epochs": list(range(1, options.epochs + 1)),
        "batch": options.batch,
        "train_loss": losses,
        "test_accuracy": [digital_accuracy(model, tested.test)],
        "host_seconds": time.perf_counter() - start,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    checkpoint.unlink(missing_ok=True)
    return summary


def main() -> None:
    """Train the model named on the command line."""
    parser = argparse.ArgumentParser(description="Train an ONNX model in float32 on ONNX Runtime.")
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument("--data", required=True, help="as of ohmflow train")
    parser.add_argument("--val", type=float, default=0.0, help="share of rows to set aside")
    parser.add_argument("--limit", type=int, help="most rows to train on")
    parser.add_argument("--limit-test", type=int, help="most rows to test on")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--lr-schedule", default="constant")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the results")
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    source = DataSource(asked.data, val=asked.val, limit=asked.limit, limit_test=asked.limit_test)
    options = TrainOptions(asked.epochs, asked.batch, asked.lr, asked.seed, lr_schedule=asked.lr_schedule)
    summary = train(asked.model, source, options, asked.output)
    print(f"test accuracy {summary['test_accuracy'][-1]:.2%}, {summary['host_seconds']:.0f} s")


if __name__ == "__main__":
    main()
