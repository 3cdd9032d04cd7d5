"""Update rules on devices that plain gradient descent fails on: which reach float32, and what does it cost?

    python examples/reproduce/asymmetric_devices.py [--data FOLDER] [--seeds 3] [--processes 2] [--quick]

The perceptron 784-256-128-10 is trained with several rules on a nearly symmetric device (`gokmen-vlasov-2016`) and on
published ones whose steps depend on the state or differ up and down. Gokmen 2021 (10.3389/frai.2021.699148) reports
that Tiki-Taka v2 trains fully connected, convolutional and recurrent networks on asymmetric devices as if they were
symmetric, with tens of states in place of thousands, where plain gradient descent does not.
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

NAME = "asymmetric_devices"
IMAGES, EPOCHS, BATCH, LR, FILL = 10_000, 5, 8, 0.2, 0.5
ROOM = "2 MiB"
"""Of each vector unit, for the rules' digital matrices; the chip's own 256 KiB are too little for these layers."""
DEVICES = ("gokmen-vlasov-2016", "ecram-li-2018", "reram-sb-2018", "reram-es-2018")
RULES = ("sgd", "tiki-taka-v2", "c-ttv2", "agad", "mixed-precision", "shd", "residual")
FLOAT = Condition("float", "float32", "float")


def conditions() -> tuple[Condition, ...]:
    """Float32, then every rule on every device."""
    cells = [
        Condition(f"{device}-{rule}", rule, device, ("--rule", rule), device) for device in DEVICES for rule in RULES
    ]
    return (FLOAT, *cells)


def sweep(data: str, seeds: int, quick: bool) -> Sweep:
    """The study's trainings."""
    images, epochs = (200, 1) if quick else (IMAGES, EPOCHS)
    shared = learning(
        images, epochs, BATCH, LR, data, "--lr-schedule", "cosine", *(("--limit-test", "200") if quick else ())
    )
    chips = ("--weight-fill", str(FILL), "--packing", "spread", "--eval-every", str(epochs))
    chips += ("--set", f"chip.vector_unit.scratchpad.size={ROOM}")
    return Sweep(NAME, "fashion_mlp.onnx", shared, chips, conditions(), tuple(range(seeds)))


def markdown(study: Sweep, folder: Path) -> str:
    """Points behind float32, devices by rules, then chip time and energy."""
    reference = by_seed(study, folder, FLOAT, error)

    def cells(text: str) -> list[list[str]]:
        rows = []
        for device in DEVICES:
            row = [device]
            for condition in study.conditions:
                if condition.group != device:
                    continue
                if text == "behind":
                    found = differences(by_seed(study, folder, condition, error), reference)
                    row.append(spread(found).text(1, 100) if found else "–")
                else:
                    times = list(by_seed(study, folder, condition, lambda s: s.get("simulated_seconds")).values())
                    joules = list(by_seed(study, folder, condition, lambda s: s.get("energy_joules")).values())
                    both = times and joules
                    row.append(f"{spread(times).mean:.2g} s, {spread(joules).mean:.2g} J" if both else "–")
            rows.append(row)
        return rows

    told = f"{spread(list(reference.values())).text(2, 100)} %" if reference else "–"
    return "\n\n".join(
        [
            f"Points behind float32 (test error {told}), read on the chip:",
            table(["device", *RULES], cells("behind")),
            "Chip time and energy of the training:",
            table(["device", *RULES], cells("cost")),
            f"{recipe(study)}, rules with default options, "
            f"vector units with {ROOM}, seeds: {len(reference)}; ± is the standard deviation over seeds.",
        ]
    )


if __name__ == "__main__":
    sys.exit(run_study(__doc__ or "", sweep, markdown))
