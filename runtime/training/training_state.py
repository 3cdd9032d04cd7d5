"""Everything that a training remembers between two steps, out of the objects that hold it and back into them."""

from dataclasses import asdict
from typing import Any

import numpy as np

from ohmflow.runtime.crossbar.errors import CrossbarError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.errors import CheckpointError
from ohmflow.runtime.training.trainer import History, Position, Trainer


def training_state(trainer: Trainer) -> dict[str, Any]:
    """Take the state, for `save_checkpoint`; arrays may still be the machine's own."""
    return {
        "machine": _machine_state(trainer.machine),
        "history": asdict(trainer.history),
        "position": asdict(trainer.position),
        "step": trainer.step,
    }


def restore_training(trainer: Trainer, state: Any, where: str) -> None:
    """Put a state back.

    Args:
        trainer: new, of the same program, target, data and options.
        state: what `training_state` gave.
        where: the checkpoint, for the message.

    Raises:
        CheckpointError: the state is not that of such a training.
    """
    try:
        _restore_machine(trainer.machine, state["machine"])
        trainer.history = History(**state["history"])
        trainer.position = Position(**state["position"])
        trainer.step = int(state["step"])
    except (KeyError, ValueError, TypeError, CrossbarError) as error:
        raise CheckpointError(
            f"{where}: must hold the state of this training, but does not fit it ({error}); remove it"
        ) from error


def _machine_state(machine: Machine) -> dict[str, Any]:
    values = machine.values
    return {
        "arrays": {array.name: array.state() for array in values.arrays},
        "states": {s.name: value for s, value in zip(machine.program.states, values.states, strict=True)},
        "updates": [dict(vars(statistics)) for statistics in values.updates],
        "clipped_weights": list(values.clipped_weights),
        "tallies": {name: tally.table for name, tally in values.tallies.items()},
        "book": machine.book.state(),
    }


def _restore_machine(machine: Machine, state: dict[str, Any]) -> None:
    values = machine.values
    for array in values.arrays:
        array.restore(state["arrays"][array.name])
    values.states = [np.array(state["states"][s.name]) for s in machine.program.states]
    for statistics, stored in zip(values.updates, state["updates"], strict=True):
        vars(statistics).update(stored)
    values.clipped_weights = list(state["clipped_weights"])
    for name, tally in values.tallies.items():
        table = state["tallies"][name]
        if table.shape != tally.table.shape:
            raise ValueError(f"counts of {name} have another shape")
        tally.table = np.array(table)
    machine.book.restore(state["book"])
