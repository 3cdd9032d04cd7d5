"""What a training costs until it has reached an accuracy: `events.npz`, epoch by epoch, at the ledger's prices."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Cost:
    """Of a training up to the end of an epoch.

    Attributes:
        epoch: the last one that counts.
        seconds: of the chip.
        joules: by component.
    """

    epoch: int
    seconds: float
    joules: dict[str, float]


def reached(run: Path, accuracy: float) -> int | None:
    """The first epoch after which the test set is read on the chip at least so well, or None."""
    said = json.loads((run / "summary.json").read_text())
    for epoch, read in zip(said["epochs"], said["test_accuracy_analog"], strict=True):
        if read is not None and read >= accuracy:
            return int(epoch)
    return None


def cost_until(run: Path, epoch: int) -> Cost:
    """Add up what happened until an epoch ended, programming and readings of the test set included.

    Args:
        run: folder of a run.
        epoch: the last one that counts.
    """
    prices: dict[tuple[str, ...], float] = {}
    with (run / "ledger.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["unit"], row["phase"], row["component"], row["event"]
            if row["count"] and row["energy_j"] and float(row["count"]):
                prices[key] = float(row["energy_j"]) / float(row["count"])
    with np.load(run / "events.npz", allow_pickle=False) as events:
        names = [events[name].tolist() for name in ("unit", "phase", "component", "event")]
        joules: dict[str, float] = {}
        for key, at, count in zip(zip(*names, strict=True), events["epoch"], events["count"], strict=True):
            if at <= epoch:
                joules[key[2]] = joules.get(key[2], 0.0) + prices.get(key, 0.0) * float(count)
        # Every unit's phases, idle included, add up to the cycles of the run.
        one = events["cycles_unit"] == events["cycles_unit"][0]
        cycles = int(events["cycles"][one & (events["cycles_epoch"] <= epoch)].sum())
        clock = float(events["clock_hz"][0])
    return Cost(epoch, cycles / clock, joules)
