"""A critical path as plain JSON values."""

from typing import Any

from ohmflow.runtime.critical.analysis import Analysis

BY = ("kind", "place", "phase", "layer", "mnemonic", "reason")
"""How the path is summed up."""


def analysis_json(analysis: Analysis, chain: bool = True) -> dict[str, Any]:
    """Everything about a step's critical path.

    Args:
        analysis: what was found.
        chain: whether to list the spans.

    Returns:
        `cycles`, the spans in `path`, their sums in `by_…`, and `gains`.
    """
    step = analysis.step
    clock = step.program.chip.clock_hz
    found: dict[str, Any] = {
        "model": step.program.manifest["model"],
        "target": step.program.manifest["target"],
        "entry": step.entry.name,
        "batch": step.batch,
        "cycles": step.timeline.cycles,
        "cycles_by_flits": analysis.cycles_by_flits,
        "seconds": None if clock is None else step.timeline.cycles / clock,
        "spans": len(analysis.path),
        **{
            f"by_{by}": [{"name": s.name, "cycles": s.cycles, "spans": s.spans} for s in analysis.sums(by)] for by in BY
        },
        "by_place_and_reason": _pairs(analysis, "place", "reason"),
        "by_layer_and_phase": _pairs(analysis, "layer", "phase"),
        "gains": [
            {"name": g.name, "kind": g.kind, "cycles": g.cycles, "saved": g.saved, "share": g.share}
            for g in analysis.gains
        ],
    }
    if chain:
        found["path"] = [
            {
                "at": span.begin,
                "cycles": span.cycles,
                "unit": analysis.place(span),
                "instruction": span.instruction,
                "operation": "packet" if span.on_link else analysis.mnemonic(span),
                "phase": analysis.phase(span),
                "layer": analysis.layer(span),
                "reason": span.reason,
            }
            for span in analysis.path
        ]
    return found


def _pairs(analysis: Analysis, first: str, second: str) -> list[dict[str, Any]]:
    """Cycles of the path by two of `BY`, the most first."""
    cycles: dict[tuple[str, str], int] = {}
    for span in analysis.path:
        key = (analysis.told(span, first), analysis.told(span, second))
        cycles[key] = cycles.get(key, 0) + span.cycles
    order = sorted(cycles, key=lambda key: (-cycles[key], key))
    return [{"name": key[0], second: key[1], "cycles": cycles[key]} for key in order]
