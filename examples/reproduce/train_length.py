"""Time and energy until a network has learnt, against the length of the pulse trains and the update rule.

    python examples/reproduce/train_length.py [--data FOLDER] [--seeds 3] [--processes 2] [--quick]

The perceptron 784-256-128-10 is trained on `protonic-psg`. Longer trains allow larger updates and average more pulses,
and cost more time, more line charging, more pulsed devices. What is told is what the chip spent until it classified the
test set as well as asked, component by component, the readings of the test set included.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # also where this file is run by another script

from cost_of_accuracy import Cost, cost_until, reached  # noqa: E402
from sweeps import (  # noqa: E402
    Condition,
    Sweep,
    Training,
    by_seed,
    error,
    learning,
    recipe,
    run_study,
    spread,
    summary,
    table,
)

NAME = "train_length"
TARGET = "protonic-psg"
IMAGES, EPOCHS, BATCH, LR, FILL = 10_000, 6, 8, 0.2, 0.5
ROOM = ("--packing", "spread", "--set", "chip.vector_unit.scratchpad.size=2 MiB")
"""For the digital matrices of the rules; the chip's 256 KiB are too little for these layers."""
ENOUGH = 0.75
"""Test accuracy that is asked for."""
LENGTHS = (3, 7, 15, 31, 63)
RULES = ("tiki-taka", "tiki-taka-v2", "agad")
PARTS = ("driver", "device", "dac", "adc", "array", "buffer", "scratchpad", "vector", "link", "host", "leakage")


def conditions() -> tuple[Condition, ...]:
    """Plain updates with several longest trains, then other rules."""
    found = [Condition(f"sgd-{n}", f"sgd, {n}", TARGET, ("--set", f"tile.update.train_length={n}")) for n in LENGTHS]
    found += [Condition(rule, f"{rule}, 31", TARGET, ("--rule", rule)) for rule in RULES]
    return tuple(found)


def sweep(data: str, seeds: int, quick: bool) -> Sweep:
    """The study's trainings."""
    images, epochs = (200, 1) if quick else (IMAGES, EPOCHS)
    shared = learning(images, epochs, BATCH, LR, data, "--limit-test", "200" if quick else "1000")
    return Sweep(
        NAME,
        "fashion_mlp.onnx",
        shared,
        (*("--weight-fill", str(FILL)), *ROOM),
        conditions(),
        tuple(range(seeds)),
    )


def costs(study: Sweep, folder: Path, condition: Condition, enough: float) -> list[Cost]:
    """Of each seed that reached the accuracy."""
    found = []
    for seed in study.seeds:
        training = Training(condition, seed)
        if summary(folder, training) is not None:
            epoch = reached(folder / training.name, enough)
            if epoch is not None:
                found.append(cost_until(folder / training.name, epoch))
    return found


def markdown(study: Sweep, folder: Path, enough: float = ENOUGH) -> str:
    """Cost of each condition, by component."""
    rows, used = [], [p for p in PARTS]
    for condition in study.conditions:
        errors = by_seed(study, folder, condition, error)
        if not errors:
            continue
        spent = costs(study, folder, condition, enough)
        row = [condition.label, f"{spread([1 - v for v in errors.values()]).text(1, 100)} %"]
        if spent:
            mean = {p: 1e3 * spread([c.joules.get(p, 0.0) for c in spent]).mean for p in used}
            row += [
                f"{len(spent)} of {len(errors)}: {spread([float(c.epoch) for c in spent]).text(1)}",
                f"{1e3 * spread([c.seconds for c in spent]).mean:.3g}",
                *(f"{mean[p]:.2g}" for p in used),
            ]
        else:
            row += [f"0 of {len(errors)}", "–", *("–" for _ in used)]
        rows.append(row)
    head = ["rule, longest train", "accuracy at the end", "reached: after epochs", "ms", *(f"{p} mJ" for p in used)]
    return (
        f"{table(head, rows)}\n\n{recipe(study)}; "
        f"test accuracy asked for: {enough:.0%} of 1,000 images, read on the chip after every epoch. ± is the standard "
        "deviation over seeds. No published figure is known."
    )


if __name__ == "__main__":
    sys.exit(run_study(__doc__ or "", sweep, markdown))
