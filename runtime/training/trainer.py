"""The training loop: epochs, shuffling, batches, evaluation.

Everything that the loop knows between two steps is in `history`, `position` and `step`; a checkpoint keeps them. Draws
and shuffles are keyed by what they are for, so no generator has a state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.accuracy import analog_accuracy, digital_accuracy
from ohmflow.runtime.training.data import DataSet
from ohmflow.runtime.training.errors import DivergenceError
from ohmflow.runtime.training.export import export_model, trained_weights
from ohmflow.runtime.training.fitting import training_arguments
from ohmflow.runtime.training.train_options import TrainOptions as TrainOptions
from ohmflow.runtime.training.train_options import check_seed as check_seed

_SHUFFLE_PURPOSE = 0x0DE5


@dataclass
class History:
    """What each epoch gave; lists of equal length. Accuracies of an epoch without evaluation are None."""

    lr: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float | None] = field(default_factory=list)
    test_accuracy: list[float | None] = field(default_factory=list)
    test_accuracy_analog: list[float | None] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)
    evaluated: list[bool] = field(default_factory=list)

    def is_stale(self, patience: int) -> bool:
        """Whether the last `patience` evaluations did not better the best one before them.

        What counts is the accuracy on validation rows; without them, or without classes, the epoch's training loss.
        """
        results = [
            -loss if accuracy is None else accuracy
            for loss, accuracy, evaluated in zip(self.train_loss, self.val_accuracy, self.evaluated, strict=True)
            if evaluated
        ]
        if len(results) <= patience:
            return False
        return len(results) - 1 - results.index(max(results)) >= patience


@dataclass
class Position:
    """Where in its epoch a training stands.

    Attributes:
        epoch: that runs or comes next, from 1.
        batch: batches of it that are done.
        rows: training rows of them.
        loss: sum of the rows' losses.
    """

    epoch: int = 1
    batch: int = 0
    rows: int = 0
    loss: float = 0.0


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
        position: where in its epoch it stands.
        step: executions of `train_step` so far.

    Raises:
        UntrainableError: the program was compiled to infer only.
    """

    def __init__(self, machine: Machine, data: DataSet, options: TrainOptions) -> None:
        self.machine, self.data, self.options = machine, data, options
        self.history = History()
        self.position = Position()
        self.step = 0
        inputs, self._label = training_arguments(machine.program)
        self._inputs = tuple(a.name for a in inputs)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.data.train) // self.options.batch)

    @property
    def executions(self) -> int:
        """Executions of `train_step` in all epochs, if nothing ends them early."""
        each = len(self.data.train) if self.options.update_at == "sample" else self.steps
        return each * self.options.epochs

    @property
    def is_done(self) -> bool:
        """Whether all epochs are trained, or patience is at its end."""
        options = self.options
        stale = options.patience is not None and self.history.is_stale(options.patience)
        return self.position.epoch > options.epochs or (stale and self.position.batch == 0)

    def program_weights(self) -> None:
        """Write the initial weights; booked as epoch 0."""
        self.machine.execute("program", {}, {}, 0)
        self.machine.close_epoch(0)

    def run(
        self,
        watch: Watcher | None = None,
        epoch_done: Callable[[int], None] | None = None,
        stepped: Callable[[], None] | None = None,
    ) -> None:
        """Train all epochs that are left.

        Args:
            watch: called after every batch.
            epoch_done: called after every epoch with its number.
            stepped: called after every batch and after every epoch, when the state is one that a checkpoint can keep.

        Raises:
            DivergenceError: the loss is no longer finite.
        """
        while not self.is_done:
            epoch = self.position.epoch
            self._train(epoch, watch, stepped)
            self._evaluate(epoch)
            if epoch_done is not None:
                epoch_done(epoch)
            if stepped is not None:
                stepped()

    def _train(self, epoch: int, watch: Watcher | None, stepped: Callable[[], None] | None) -> None:
        """Train what is left of an epoch."""
        at, size = self.position, self.options.batch
        lr = self._rate(epoch)
        order = np.random.default_rng([self.options.seed, _SHUFFLE_PURPOSE, epoch]).permutation(len(self.data.train))
        for number in range(at.batch + 1, self.steps + 1):
            chosen = order[(number - 1) * size : number * size]
            at.loss += self._batch(chosen, epoch, number, lr) * len(chosen)
            at.rows += len(chosen)
            at.batch = number
            if watch is not None:
                watch(Progress(epoch, self.options.epochs, number, self.steps, at.loss / at.rows))
            if stepped is not None:
                stepped()

    def _rate(self, epoch: int) -> float:
        return self.options.schedule.rate(self.options.lr, epoch, self.options.epochs)

    def _evaluate(self, epoch: int) -> None:
        """Close an epoch: accuracies if it is their turn, the book, the history."""
        history, at = self.history, self.position
        due = epoch % self.options.eval_every == 0 or epoch == self.options.epochs
        analog = analog_accuracy(self.machine, self.data.test, self.step) if due else None
        self.machine.close_epoch(epoch)
        model = self.trained_model() if due else None
        history.lr.append(self._rate(epoch))
        history.train_loss.append(at.loss / at.rows)
        history.val_accuracy.append(None if model is None else digital_accuracy(model, self.data.val))
        history.test_accuracy.append(None if model is None else digital_accuracy(model, self.data.test))
        history.test_accuracy_analog.append(analog)
        history.seconds.append(self.machine.seconds)
        history.evaluated.append(due)
        self.position = Position(epoch + 1)

    def _batch(self, chosen: NDArray[np.int64], epoch: int, number: int, lr: float) -> float:
        """Run one batch and return its mean loss."""
        rows = self.data.train.take(chosen)
        given = {**rows.inputs(self._inputs), self._label.name: rows.y}
        size = len(rows)
        if "train_step" in self.machine.program.pipelined:
            loss = self._execute(given, 1.0 / size, lr, steps=size)
        elif self.options.update_at == "batch":
            loss = self._execute(given, 1.0 / size, lr)
        else:
            single = [{name: values[k : k + 1] for name, values in given.items()} for k in range(size)]
            loss = float(np.mean([self._execute(row, 1.0 / size, lr) for row in single]))
        if not np.isfinite(loss):
            raise DivergenceError(
                f"epoch {epoch}, step {number}: the loss must stay finite, not {loss}; "
                f"try a smaller --lr than {self.options.lr:g}"
            )
        return loss

    def _execute(self, given: Mapping[str, NDArray[Any]], inv_batch: float, lr: float, steps: int = 1) -> float:
        size = len(given[self._label.name])
        results = self.machine.execute(
            "train_step", given, {"lr": lr, "inv_batch": inv_batch, "batch": size}, self.step
        )
        self.step += steps
        return float(np.mean(np.asarray(results["loss"], np.float64)))

    def trained_model(self, notes: dict[str, str] | None = None) -> onnx.ModelProto:
        """The source model with the weights as they are now."""
        weights = trained_weights(self.machine.program, self.machine.values)
        return export_model(self.machine.program, weights, notes or {})
