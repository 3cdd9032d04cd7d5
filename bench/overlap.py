"""Cycles of LeNet-5 with and without working part by part: how far layers overlap within an image.

Run it as `python bench/overlap.py [--batch N]`. Cycles are exact, so one run of each is enough, and `--repeats` changes
nothing.
"""

from pathlib import Path
from unittest.mock import patch

import numpy as np
from comparison import Comparison, deliver, options

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.emit.parts import PartsPlan
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load

MODEL = Path(__file__).parents[1] / "examples" / "models" / "lenet5.onnx"


def cycles(target_name: str, packing: str, batch: int) -> tuple[int, int]:
    """Cycles of reading a batch, and of training on it."""
    target = load(target_name)
    program = compile_model(MODEL, target, CompileOptions(packing=packing))
    machine = Machine(program, target, 0)
    machine.execute("program", {}, {}, 0)
    machine.close_epoch(0)
    x = np.random.default_rng(0).random((batch, 1, 28, 28)).astype(np.float32)
    image, label = (a.name for a in program.entries["train_step"].arguments if a.kind == "rows")
    before = machine.book.cycles
    machine.execute("infer", {image: x}, {"batch": batch}, 0)
    machine.close_epoch(1)
    read = machine.book.cycles - before
    scalars = {"lr": 0.05, "inv_batch": 1 / batch, "batch": batch}
    machine.execute("train_step", {image: x, label: np.zeros(batch, np.int64)}, scalars, 1)
    machine.close_epoch(2)
    return read, machine.book.cycles - before - read


def main() -> None:
    """Print the table."""
    parser = options(__doc__, 1)
    parser.add_argument("--batch", type=int, default=1, help="images")
    asked = parser.parse_args()
    batch = asked.batch
    found = []
    heads = "".join(f" {head:>12} {'whole':>12} {'ratio':>6}" for head in ("infer", "train"))
    print(f"{'target':<14} {'packing':<8}{heads}")
    for target in ("rpu-2016", "protonic-psg"):
        for packing in ("share", "spread"):
            read, trained = cycles(target, packing, batch)
            with patch.object(PartsPlan, "in_parts", False):
                whole_read, whole_trained = cycles(target, packing, batch)
            print(
                f"{target:<14} {packing:<8} {read:>12,} {whole_read:>12,} {read / whole_read:>6.3f} "
                f"{trained:>12,} {whole_trained:>12,} {trained / whole_trained:>6.3f}"
            )
            for what, parts, whole in (("reading", read, whole_read), ("training", trained, whole_trained)):
                name = f"{what} LeNet-5 part by part, {target}, {packing}, batch {batch}"
                found.append(Comparison(name, "layer by layer", [parts], [whole], "cycles"))
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
