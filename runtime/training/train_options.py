"""How to train: the choices that are open when a program is compiled already."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.schedule import Schedule, parse_schedule

NORMALISATIONS = ("none", "standard", "range")


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
        epochs: passes over the training rows, at most.
        batch: rows per step; the last step of an epoch may have fewer.
        lr: learning rate in logical weight units.
        seed: of shuffling and of all draws.
        update_at: `batch` applies updates after all reads of a batch; `sample` after every sample.
        lr_schedule: the rate of each epoch, see `ohmflow.runtime.training.schedule`.
        normalize: how inputs are scaled, see `ohmflow.runtime.training.normalise`.
        eval_every: accuracies are taken every so many epochs, and after the last one.
        patience: training ends when so many evaluations in a row did not improve; None trains all epochs.
        memory: MiB of host memory that windows of images may take at a time; on exact arrays it sets the order in which
            updates are summed.
    """

    epochs: int = 1
    batch: int = 10
    lr: float = 0.1
    seed: int = 0
    update_at: Literal["batch", "sample"] = "batch"
    lr_schedule: str = "constant"
    normalize: str = "none"
    eval_every: int = 1
    patience: int | None = None
    memory: int = 64

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            RunError: one is out of range or unknown.
        """
        for name, value, advice in (
            ("--epochs", self.epochs, "10"),
            ("--batch", self.batch, "10"),
            ("--memory", self.memory, "64"),
        ):
            if value < 1:
                raise RunError(f"{name}: must be at least 1, not {value}; try {advice}")
        check_seed(self.seed)
        if not (np.isfinite(self.lr) and self.lr > 0):
            raise RunError(f"--lr: must be a positive number, not {self.lr}; try 0.1")
        if self.update_at not in ("batch", "sample"):
            raise RunError(f"--update-at: must be batch or sample, not '{self.update_at}'; choose one")
        if self.normalize not in NORMALISATIONS:
            raise RunError(
                f"--normalize: must be one of {', '.join(NORMALISATIONS)}, not '{self.normalize}'; choose one"
            )
        if self.eval_every < 1:
            raise RunError(f"--eval-every: must be at least 1, not {self.eval_every}; try 1")
        if self.patience is not None and self.patience < 1:
            raise RunError(f"--patience: must be at least 1, not {self.patience}; try 3, or leave it out")
        parse_schedule(self.lr_schedule)

    @property
    def schedule(self) -> Schedule:
        """The rate of each epoch."""
        return parse_schedule(self.lr_schedule)
