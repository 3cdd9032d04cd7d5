"""What noise and bound management do for a convolutional network, after Gokmen, Onen and Haensch 2017.

    python examples/reproduce/noise_and_bound_management.py [--data FOLDER] [--seeds 3] [--processes 2] [--quick]

LeNet-5 is trained on `rpu-2016` with both, with one of them, and with neither. Noise management scales each vector to
its largest element before it is read; bound management repeats a clipped read with half the input. Source:
10.3389/fnins.2017.00538 (MNIST there; here whatever `--data` holds).
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # also where this file is run by another script

from sweeps import (  # noqa: E402
    Condition,
    Sweep,
    by_seed,
    differences,
    error,
    learning,
    recipe,
    run_study,
    spread,
    table,
)

NAME = "noise_and_bound_management"
IMAGES, EPOCHS, BATCH, LR, FILL = 5_000, 6, 8, 0.05, 0.2
NO_NOISE = ("--set", "tile.read.noise_management=none")
NO_BOUND = ("--set", "tile.read.bound_management=none")
CONDITIONS = (
    Condition("float", "float32", "float"),
    Condition("neither", "neither", "rpu-2016", NO_NOISE + NO_BOUND),
    Condition("noise", "noise management", "rpu-2016", NO_BOUND),
    Condition("bound", "bound management", "rpu-2016", NO_NOISE),
    Condition("both", "both", "rpu-2016"),
)
PUBLISHED = {
    "float": "about 0.8 %",
    "neither": "about 10 %",
    "both": "about 1.7 %; 0.8 to 1.1 % with update management and several devices a weight",
}


def sweep(data: str, seeds: int, quick: bool) -> Sweep:
    """The study's trainings."""
    images, epochs = (200, 1) if quick else (IMAGES, EPOCHS)
    shared = learning(
        images, epochs, BATCH, LR, data, "--lr-schedule", "cosine", *(("--limit-test", "200") if quick else ())
    )
    chips = ("--weight-fill", str(FILL), "--eval-every", str(epochs))
    return Sweep(NAME, "lenet5.onnx", shared, chips, CONDITIONS, tuple(range(seeds)))


def markdown(study: Sweep, folder: Path) -> str:
    """Error and cost of each condition."""
    reference = by_seed(study, folder, CONDITIONS[0], error)
    rows = []
    for condition in CONDITIONS:
        own = by_seed(study, folder, condition, error)
        if not own:
            continue
        on_chip = condition.target != "float"
        penalty = differences(own, reference) if on_chip else []
        seconds = by_seed(study, folder, condition, lambda said: said.get("simulated_seconds")) if on_chip else {}
        joules = by_seed(study, folder, condition, lambda said: said.get("energy_joules")) if on_chip else {}
        rows.append(
            [
                condition.label,
                f"{spread(list(own.values())).text(2, 100)} %",
                spread(penalty).text(2, 100) if penalty else "–",
                f"{spread(list(seconds.values())).mean:.3g} s" if seconds else "–",
                f"{spread(list(joules.values())).mean:.3g} J" if joules else "–",
                PUBLISHED.get(condition.name, "–"),
            ]
        )
    head = ["management", "test error", "behind float32, points", "chip time", "energy", "published error (MNIST)"]
    return (
        f"{table(head, rows)}\n\nLeNet-5, {recipe(study)}, seeds: {len(reference)}; ± is the standard deviation over "
        "seeds. The published figures are recalled ones, of low confidence."
    )


if __name__ == "__main__":
    sys.exit(run_study(__doc__ or "", sweep, markdown))
