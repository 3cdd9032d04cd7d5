"""A study as JSON."""

from typing import Any

from ohmflow.runtime.fit.conclude import Estimate
from ohmflow.runtime.fit.device_parameters import table
from ohmflow.runtime.fit.study import Candidate, Study
from ohmflow.runtime.fit.target_file import fingerprint


def study_json(study: Study) -> dict[str, Any]:
    """Return a study's figures; conductances in siemens, weights in device units."""
    trains = study.trains
    return {
        "file": study.file.name,
        "sha256": fingerprint(study.file),
        "devices": trains.devices,
        "reads": int(trains.y.size),
        "cycles": trains.cycles,
        "held_out": study.held_out,
        "best": study.best.model.name,
        "models": [_candidate(c, study.best) for c in study.candidates],
    }


def _candidate(candidate: Candidate, best: Candidate) -> dict[str, Any]:
    fitted, told = candidate.fitted, candidate.held_out
    return {
        "name": candidate.model.name,
        "device_model": candidate.model.device,
        "log_likelihood": candidate.likelihood,
        "fitted_numbers": candidate.parameters,
        "held_out_log_likelihood": None if told is None else told.value,
        "held_out_reads": None if told is None else told.reads,
        "behind": best.merit - candidate.merit,
        "converged": fitted.likely.converged,
        "parameters": {name: _estimate(e) for name, e in fitted.parameters.items()},
        "conductance_siemens": {"min": _estimate(fitted.g_min), "max": _estimate(fitted.g_max)},
        "read_error_siemens": _estimate(fitted.read_error),
    } | ({} if fitted.shape is None else {"table": table(fitted)})


def _estimate(e: Estimate) -> dict[str, Any]:
    interval = [e.low, e.high] if e.told else None
    return {"value": float(e.value), "interval_95": interval} | ({"note": e.note} if e.note else {})
