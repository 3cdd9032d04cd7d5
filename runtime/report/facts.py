"""`report.json`: what the page shows beyond summary, ledger and events. Chip, mapping, uncertain figures, choices.

It is written once, at the end of a run, so that the page can be made again from the run's folder alone.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ohmflow.compiler.program.program import ArrayRecord, Chip
from ohmflow.compiler.program.residence import residence
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.components.registry import all_events
from ohmflow.targets.schema.target import Target

FACTS_VERSION = 1
"""Version of report.json; a reader refuses what it does not know."""

_COMPILED = ("loss", "rule", "optimizer", "weight_scaling", "packing", "placer", "passes")


def run_facts(
    machine: Machine, options: Mapping[str, Any], data: Mapping[str, Any], command: str | None
) -> dict[str, Any]:
    """Collect what is known of a run when it ends.

    Args:
        machine: that ran.
        options: how it trained, as plain JSON values.
        data: name of the data set and rows of its parts.
        command: the command line that does it again, or None when it was started from Python.

    Returns:
        The content of `report.json`; it follows from the run, so equal runs give equal facts.
    """
    program, target = machine.program, machine.target
    manifest = program.manifest
    updates = [
        {"vectors": u.vectors, "clipped": u.clipped, "lost": u.lost} if u.vectors else None
        for u in machine.values.updates
    ]
    tile = target.tile
    return {
        "facts_version": FACTS_VERSION,
        "command": command,
        "options": dict(options),
        "data": dict(data),
        "model_hash": manifest["model_hash"],
        "compiled": {name: manifest[name] for name in _COMPILED if name in manifest},
        "target": {
            "name": target.name,
            "summary": target.summary,
            "hash": target.content_hash,
            "device": target.device.model,
            "tile_rows": tile.crossbar.rows,
            "tile_cols": tile.crossbar.weight_cols,
            "clock_hz": program.chip.clock_hz,
            "mesh": None if program.chip.mesh is None else list(program.chip.mesh),
            "chips": None if program.chip.chips is None else list(program.chip.chips),
            "border_flit_cycles": int(program.chip.flit_cycles.max(initial=1)),
            "tiles": program.chip.tiles,
        },
        "units": [{"name": u.name, "kind": u.kind, "x": u.x, "y": u.y} for u in program.chip.units],
        "arrays": [
            _array(array, program.chip, counted) for array, counted in zip(program.arrays, updates, strict=True)
        ],
        "memory": _memory(machine),
        "uncertain": _uncertain(target),
    }


def _memory(machine: Machine) -> list[dict[str, Any]]:
    """Where what units keep in a training step of the largest batch is."""
    batch = machine.largest_batch("train_step")
    if not machine.has_time or not batch:
        return []
    return [asdict(unit) for unit in residence(machine.program, "train_step", batch)]


def _array(array: ArrayRecord, chip: Chip, updates: dict[str, int] | None) -> dict[str, Any]:
    names = {u.index: u.name for u in chip.units if u.kind == "tile"}
    blocks = [
        {
            "row0": b.row0,
            "col0": b.col0,
            "rows": b.rows,
            "cols": b.cols,
            "tile": names.get(b.tile, f"tile {b.tile}"),
            "tile_row": b.tile_row,
            "tile_col": b.tile_col,
        }
        for b in array.blocks
    ]
    return {
        "name": array.name,
        "rows": array.rows,
        "cols": array.cols,
        "alpha": array.alpha,
        "rule": array.rule,
        "updates": updates,
        "blocks": blocks,
    }


def _uncertain(target: Target) -> list[dict[str, Any]]:
    """Figures of low confidence, each with the events of the ledger whose price follows from it."""
    events = all_events()
    return [
        {
            "path": path,
            "value": value,
            "source": source,
            "events": [[e.component, e.name] for e in events if _rests_on(e.needs, path)],
        }
        for path, value, source in sorted(target.low_confidence(), key=lambda figure: figure[0])
    ]


def _rests_on(needs: tuple[str, ...], path: str) -> bool:
    return any(path == need or path.startswith(f"{need}.") for need in needs)
