"""Running a model forward on a chip: what `ohmflow run` does."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import npz_bytes
from ohmflow.runtime.ledger.bill import Bill
from ohmflow.runtime.ledger.by_layer_file import ledger_by_layer_csv
from ohmflow.runtime.ledger.files import ledger_csv, write_events
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.accuracy import infer
from ohmflow.runtime.training.atomic import replace_bytes, replace_file, replace_text
from ohmflow.runtime.training.data import as_numbers, read_npz
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.run_folder import bill_of
from ohmflow.runtime.training.trainer import check_seed
from ohmflow.targets.capability import require_execution
from ohmflow.targets.schema.target import Target


@dataclass(frozen=True)
class Inference:
    """Outputs by graph name, a summary, and the bill (phases program and evaluation)."""

    outputs: dict[str, NDArray[Any]]
    summary: dict[str, Any]
    bill: Bill


def run_inference(
    program: Program,
    target: Target,
    inputs: Path | dict[str, NDArray[Any]],
    folder: Path | None,
    seed: int,
    wait: float = 0.0,
) -> Inference:
    """Program a chip and read inputs through it.

    Args:
        program: compiled for `target`.
        target: the chip.
        inputs: an `.npz` file or arrays, one per graph input, the first axis the sample.
        folder: where to write, or None.
        seed: of devices and noise.
        wait: simulated seconds between programming and the first read; billed as idle time.

    Raises:
        RunError: inputs do not fit the model, or the seed is out of range.
        WaitError: the target has no time to wait.
    """
    check_seed(seed)
    require_execution(target)
    started = time.perf_counter()
    rows = _checked(program, inputs if isinstance(inputs, dict) else read_npz(inputs, "--inputs"))
    with threadpool_limits(1):
        machine = Machine(program, target, seed)
        machine.execute("program", {}, {}, 0)
        machine.close_epoch(0)
        if wait:
            machine.wait(wait)
        outputs = infer(machine, rows, 0)
        machine.close_epoch(1)
    bill = bill_of(machine)
    summary = {
        "model": program.manifest["model"],
        "target": target.name,
        "target_hash": target.content_hash,
        "network": None if target.chip is None else target.chip.network_level,
        "seed": seed,
        "waited_seconds": wait,
        "samples": len(next(iter(rows.values()))),
        "simulated_seconds": machine.seconds,
        "cycles": bill.cycles,
        "energy_joules": bill.joules,
        "energy_by_phase": bill.by("phase") if bill.joules is not None else None,
        "energy_by_component": bill.by("component") if bill.joules is not None else None,
        "not_modelled": sorted({*target.not_modelled, *bill.missing}),
        "tiles": len({b.tile for a in program.arrays for b in a.blocks}),
        "host_seconds": time.perf_counter() - started,
    }
    if folder is not None:
        replace_bytes(folder / "outputs.npz", npz_bytes(outputs))
        replace_text(folder / "ledger.csv", ledger_csv(bill))
        replace_text(folder / "ledger_by_layer.csv", ledger_by_layer_csv(machine.book.layers, bill))
        replace_file(folder / "events.npz", lambda part: write_events(machine.book, part))
        replace_text(folder / "summary.json", json.dumps(summary, indent=1) + "\n")
    return Inference(outputs, summary, bill)


def _checked(program: Program, given: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Match arrays to the model's inputs by name, shape and type."""
    wanted = {a.name: a for a in program.entries["infer"].arguments if a.kind == "rows"}
    names = ", ".join(f"'{n}'" for n in wanted)
    for name in wanted:
        if name not in given:
            found = ", ".join(f"'{n}'" for n in given) or "nothing"
            raise RunError(f"--inputs: must hold an array for every graph input ({names}), not {found}; add '{name}'")
    for name in given:
        if name not in wanted:
            raise RunError(f"--inputs: must hold only the graph's inputs ({names}), not '{name}'; remove it")
    rows: dict[str, NDArray[Any]] = {}
    for name, argument in wanted.items():
        value = given[name]
        if value.ndim != 1 + len(argument.shape) or value.shape[1:] != argument.shape or not len(value):
            raise RunError(
                f"--inputs: '{name}' must have shape (samples, {', '.join(map(str, argument.shape))}), "
                f"not {value.shape}; reshape it"
            )
        rows[name] = as_numbers("--inputs", name, value, argument.dtype)
    if len({len(v) for v in rows.values()}) != 1:
        raise RunError(
            f"--inputs: arrays must have equally many samples, not {[len(v) for v in rows.values()]}; match them"
        )
    return rows
