"""An estimate as plain JSON values: `ohmflow estimate --json`. Keys are a stable contract (`schema_version`)."""

from dataclasses import asdict
from typing import Any

from ohmflow.runtime.estimate.memory import memories
from ohmflow.runtime.estimate.part import Part
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.targets.area import AreaNode

SCHEMA_VERSION = 1


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """Make the JSON object; what does not apply is null, energies are J, times s, areas mm²."""
    work = estimate.work
    return {
        "schema_version": SCHEMA_VERSION,
        "model": estimate.program.manifest["model"],
        "target": estimate.target.name,
        "target_hash": estimate.target.content_hash,
        "network": None if estimate.target.chip is None else estimate.target.chip.network_level,
        "phase": estimate.phase,
        "samples": work.samples,
        "recorded": estimate.recorded or None,
        "assumptions": [
            {
                "name": row.about.name,
                "value": row.value,
                "unit": row.about.unit,
                "array": row.array or None,
                "phase": row.phase or None,
                "origin": row.origin,
                "about": row.about.about,
            }
            for row in estimate.assumptions
        ],
        "area": None if estimate.area is None else _area(estimate.area),
        "programming": _part(estimate.once),
        "work": _part(work),
        "work_by_mean_counts": None if estimate.means is None else _part(estimate.means),
        "work_by_assumptions": None if estimate.assumed is None else _part(estimate.assumed),
        "per_sample": _per_sample(work),
        "layers": [] if estimate.has_nothing else _layers(estimate),
        "power": {
            "average_watts": work.watts,
            "leakage_share": estimate.leakage,
            "leakage_share_of_unused": estimate.leakage_of_rest,
        },
        "utilisation": _utilisation(estimate),
        "not_modelled": list(estimate.not_modelled),
        "timed_by_structure": dict(estimate.program.manifest.get("timed_by_structure", {})),
        "memory_short": [asdict(short) for part in (estimate.once, work) for short in part.shortages],
        "memory": [asdict(unit) for unit in memories(estimate.program, estimate.executed)],
        "low_confidence": [
            {"path": path, "value": value, "source": source} for path, value, source in estimate.target.low_confidence()
        ],
    }


def _part(part: Part) -> dict[str, Any]:
    priced = part.joules is not None
    return {
        "executions": [{"entry": e.entry, "batch": e.batch, "times": e.times} for e in part.executions],
        "cycles": part.cycles,
        "cycles_reused": part.reused if part.cycles is not None else None,
        "seconds": part.seconds,
        "energy_joules": part.joules,
        "seconds_by_phase": part.phase_seconds() if part.seconds is not None else None,
        "energy_by_phase": part.bill.by("phase") if priced else None,
        "energy_by_component": part.bill.by("component") if priced else None,
    }


def _per_sample(work: Part) -> dict[str, Any]:
    n, priced = work.samples, work.joules is not None
    phases = work.phase_seconds() if work.seconds is not None else None
    return {
        "seconds": None if work.seconds is None else work.seconds / n,
        "energy_joules": None if work.joules is None else work.joules / n,
        "seconds_by_phase": None if phases is None else {k: v / n for k, v in phases.items()},
        "energy_by_phase": {k: v / n for k, v in work.bill.by("phase").items()} if priced else None,
        "energy_by_component": {k: v / n for k, v in work.bill.by("component").items()} if priced else None,
    }


def _layers(estimate: Estimate) -> list[dict[str, Any]]:
    n, clock = estimate.work.samples, estimate.program.chip.clock_hz
    return [
        {
            "name": layer.name,
            "kind": layer.kind,
            "detail": layer.detail,
            "units": list(layer.units),
            "energy_by_phase": {phase: joules / n for phase, joules in layer.joules.items()},
            "busy_seconds_by_phase": (
                None if clock is None else {phase: c / clock / n for phase, c in layer.busy_cycles.items()}
            ),
        }
        for layer in estimate.work.layers
    ]


def _utilisation(estimate: Estimate) -> dict[str, Any]:
    n, chip = estimate.work.samples, estimate.program.chip
    return {
        "weights": estimate.weights,
        "tiles": estimate.tiles,
        "tiles_of_chip": chip.tiles,
        "cells_filled": estimate.filled,
        "macs_per_sample": estimate.macs / n if estimate.work.seconds is not None else None,
        "units": [
            {
                "kind": b.kind,
                "used": b.used,
                "total": b.total,
                "busy_mean": b.mean,
                "busiest": b.busiest,
                "busy_most": b.most,
            }
            for b in estimate.busy()
        ],
    }


def _area(node: AreaNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "count": node.count,
        "each_mm2": node.each_mm2,
        "total_mm2": node.total_mm2,
        "confidence": node.confidence,
        "missing": list(node.missing),
        "parts": [_area(part) for part in node.parts],
    }
