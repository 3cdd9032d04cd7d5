"""`power.csv`, `power.json` and `critical.json` of a run's folder: one step of it, looked at cycle by cycle.

A run's steps differ a little, and none of them is kept. So the step is one with the run's mean counts, timed again: its
files follow from what the folder holds, whether the run was stopped and resumed or not.
"""

import json
from pathlib import Path

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.critical.analysis import analyse
from ohmflow.runtime.critical.as_json import analysis_json
from ohmflow.runtime.critical.errors import TooLongError
from ohmflow.runtime.critical.step import longest_step
from ohmflow.runtime.estimate.api import ENTRIES
from ohmflow.runtime.estimate.errors import EstimateError
from ohmflow.runtime.estimate.record import load_counts
from ohmflow.runtime.trace.power_files import CSV, JSON, power_csv, power_text
from ohmflow.runtime.trace.step_power import MOST_RECORDS, StepPower, power_of_step
from ohmflow.runtime.training.atomic import replace_text
from ohmflow.targets.schema.target import Target

CRITICAL = "critical.json"

_MOST_SPANS = 20_000
"""Spans of a critical path that are kept one by one, at most."""

STEP_FILES = (CSV, JSON, CRITICAL)
"""Files of a step."""


def write_step_files(
    folder: Path, program: Program, target: Target, most: int = MOST_RECORDS, critical: bool = True
) -> StepPower | None:
    """Write the power and the critical path of a step into a finished run's folder; older ones are removed.

    Args:
        folder: of a run; its summary, events and, of a training, facts are written.
        program: that ran.
        target: on which.
        most: instructions and packets that may be looked at; fewer samples are taken to stay below.
        critical: whether to write the critical path.

    Returns:
        The power; None where the target has no time or no energy, nothing was executed, or one sample is too much.

    Raises:
        OSError: a file can not be written.
    """
    for name in STEP_FILES:
        (folder / name).unlink(missing_ok=True)
    if program.chip.clock_hz is None:
        return None
    try:
        run = load_counts(folder)
        step = longest_step(program, target, run.profile(program, target), ENTRIES[run.phase], run.batch, most)
    except (EstimateError, TooLongError):  # a run without steps has no means
        return None
    if critical:
        analysis = analyse(step)
        told = analysis_json(analysis, chain=len(analysis.path) <= _MOST_SPANS) | {"batch_asked": run.batch}
        replace_text(folder / CRITICAL, json.dumps(told, allow_nan=False) + "\n")
    power = power_of_step(step, asked=run.batch)
    if not power.power.total.any():
        return None
    replace_text(folder / CSV, power_csv(power.power))
    replace_text(folder / JSON, power_text(power))
    return power
