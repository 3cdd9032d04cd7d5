"""When a training's state is kept, and how it ends when it is asked to stop."""

import time
from pathlib import Path

from ohmflow.runtime.training.checkpoint import save_checkpoint
from ohmflow.runtime.training.errors import RunError, StoppedError
from ohmflow.runtime.training.run_record import CHECKPOINTS, RunRecord
from ohmflow.runtime.training.signals import StopRequest
from ohmflow.runtime.training.trainer import Trainer
from ohmflow.runtime.training.training_state import training_state


class Keeper:
    """Writes checkpoints of a training after every epoch, every so many steps, and when it is asked to stop.

    Args:
        trainer: what to keep.
        folder: of the run.
        record: of the run.
        stop: who asks to stop.
        began: when the training would have begun on the host's steady clock, had it run without a break.
    """

    def __init__(self, trainer: Trainer, folder: Path, record: RunRecord, stop: StopRequest, began: float) -> None:
        self._trainer, self._folder, self._record, self._stop, self._began = trainer, folder, record, stop, began

    @property
    def host_seconds(self) -> float:
        """Seconds that the run took on this computer so far, without breaks."""
        return time.perf_counter() - self._began

    def stepped(self) -> None:
        """Look at the training after a step or an epoch.

        Raises:
            StoppedError: it was asked to stop and is not done; its state is saved.
            RunError: the checkpoint can not be written.
        """
        at, every = self._trainer.position, self._record.checkpoint_every
        asked = self._stop.number is not None and not self._trainer.is_done
        steps = (at.epoch - 1) * self._trainer.steps + at.batch
        if asked or at.batch == 0 or (every is not None and steps % every == 0):
            self._save()
        if asked:
            epochs, of = self._trainer.options.epochs, self._trainer.steps
            raise StoppedError(
                f"stopped in epoch {at.epoch} of {epochs} after {at.batch:,} of {of:,} steps; "
                f"go on with: ohmflow train --resume {self._folder}",
                self._stop.exit_status,
            )

    def _save(self) -> None:
        state = {"training": training_state(self._trainer), "host_seconds": self.host_seconds}
        at = self._trainer.position
        folder = self._folder / CHECKPOINTS
        try:
            save_checkpoint(folder, at.epoch, at.batch, state, self._record.identity)
        except OSError as error:
            raise RunError(
                f"{folder}: must take the run's checkpoints, but {error.filename} failed ({error.strerror}); free space"
            ) from error
