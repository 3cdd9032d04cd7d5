"""The training loop: epochs, shuffling, batches, evaluation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.accuracy import analog_accuracy, digital_accuracy
from ohmflow.runtime.training.data import DataSet
from ohmflow.runtime.training.errors import DivergenceError, RunError
from ohmflow.runtime.training.export import export_model, trained_weights

_SHUFFLE_PURPOSE = 0x0DE5


def check_seed(seed: int) -> None:
    """Check that a seed fits the counter-based streams.

    Raises:
        RunError: it does not.
    """
    if not 0 <= seed < 2**64:
        raise RunError(f"--seed: must be at least 0 and below 2^64, not {seed}; try 0")


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes:
        epochs: passes over the training rows.
        batch: rows per step; the last step of an epoch may have fewer.
        lr: learning rate in logical weight units.
        seed: of shuffling and of all draws.
        update_at: `batch` applies updates after all reads of a batch; `sample` after every sample.
    """

    epochs: int = 1
    batch: int = 10
    lr: float = 0.1
    seed: int = 0
    update_at: Literal["batch", "sample"] = "batch"

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            RunError: one is out of range.
        """
        for name, value in (("--epochs", self.epochs), ("--batch", self.batch)):
            if value < 1:
                raise RunError(f"{name}: must be at least 1, not {value}; try 10")
        check_seed(self.seed)
        if not (np.isfinite(self.lr) and self.lr > 0):
            raise RunError(f"--lr: must be a positive number, not {self.lr}; try 0.1")
        if self.update_at not in ("batch", "sample"):
            raise RunError(f"--update-at: must be batch or sample, not '{self.update_at}'; choose one")


@dataclass
class History:
    """What each epoch gave; lists of equal length."""

    train_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float | None] = field(default_factory=list)
    test_accuracy: list[float | None] = field(default_factory=list)
    test_accuracy_analog: list[float | None] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """Where a training stands, for a progress bar: epoch (from 1), steps done and in all, running mean loss."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


Watcher = Callable[[Progress], None]


class Trainer:
    """Trains a program on a machine.

    Args:
        machine: what trains.
        data: what it learns.
        options: how.

    Attributes:
        history: results of the epochs so far.
        step: executions of `train_step` so far.
    """

    def __init__(self, machine: Machine, data: DataSet, options: TrainOptions) -> None:
        self.machine, self.data, self.options = machine, data, options
        self.history = History()
        self.step = 0
        arguments = machine.program.entries["train_step"].arguments
        rows = [a for a in arguments if a.kind == "rows"]
        self._x, self._y = rows[0], rows[1]

    def program_weights(self) -> None:
        """Write the initial weights; booked as epoch 0."""
        self.machine.execute("program", {}, {}, 0)
        self.machine.close_epoch(0)

    def run(self, watch: Watcher | None = None, epoch_done: Callable[[int], None] | None = None) -> None:
        """Train all epochs.

        Args:
            watch: called after every batch.
            epoch_done: called after every epoch with its number.

        Raises:
            DivergenceError: the loss is no longer finite.
        """
        for epoch in range(1, self.options.epochs + 1):
            self._epoch(epoch, watch)
            if epoch_done is not None:
                epoch_done(epoch)

    def _epoch(self, epoch: int, watch: Watcher | None) -> None:
        count = len(self.data.train)
        steps = -(-count // self.options.batch)
        total = 0.0
        done = 0
        for number, chosen in enumerate(self._batches(epoch), 1):
            total += self._batch(chosen, epoch, number) * len(chosen)
            done += len(chosen)
            if watch is not None:
                watch(Progress(epoch, self.options.epochs, number, steps, total / done))
        analog = analog_accuracy(self.machine, self.data.test, self.step)
        self.machine.close_epoch(epoch)
        model = self.trained_model()
        self.history.train_loss.append(total / count)
        self.history.val_accuracy.append(digital_accuracy(model, self.data.val))
        self.history.test_accuracy.append(digital_accuracy(model, self.data.test))
        self.history.test_accuracy_analog.append(analog)
        self.history.seconds.append(self.machine.seconds)

    def _batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        order = np.random.default_rng([self.options.seed, _SHUFFLE_PURPOSE, epoch]).permutation(len(self.data.train))
        for begin in range(0, len(order), self.options.batch):
            yield order[begin : begin + self.options.batch]

    def _batch(self, chosen: NDArray[np.int64], epoch: int, number: int) -> float:
        """Run one batch and return its mean loss."""
        x, y = self.data.train.x[chosen], self.data.train.y[chosen]
        size = len(chosen)
        if self.options.update_at == "batch":
            loss = self._execute(x, y, 1.0 / size)
        else:
            loss = float(np.mean([self._execute(x[k : k + 1], y[k : k + 1], 1.0 / size) for k in range(size)]))
        if not np.isfinite(loss):
            raise DivergenceError(
                f"epoch {epoch}, step {number}: the loss must stay finite, not {loss}; "
                f"try a smaller --lr than {self.options.lr:g}"
            )
        return loss

    def _execute(self, x: NDArray[Any], y: NDArray[Any], inv_batch: float) -> float:
        results = self.machine.execute(
            "train_step",
            {self._x.name: x, self._y.name: y},
            {"lr": self.options.lr, "inv_batch": inv_batch, "batch": len(x)},
            self.step,
        )
        self.step += 1
        return float(results["loss"])

    def trained_model(self, notes: dict[str, str] | None = None) -> onnx.ModelProto:
        """The source model with the weights as they are now."""
        weights = trained_weights(self.machine.program, self.machine.values)
        return export_model(self.machine.program, weights, notes or {})
