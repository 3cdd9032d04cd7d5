"""Peak power of an estimate's work: of one step of it."""

from typing import Any

from ohmflow.runtime.critical.errors import TooLongError
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.runtime.trace.power_files import power_json
from ohmflow.runtime.trace.step_power import power_of_program

MOST_RECORDS = 500_000
"""Instructions and packets that are looked at, fewer than elsewhere: an estimate is quick."""


def estimate_peak(estimate: Estimate) -> dict[str, Any] | None:
    """Peaks of the first kind of step of an estimate, with the counts that the estimate rests on.

    Returns:
        What `power_json` gives, without bins; None where there is no time, no energy, too little memory on the chip, or
        one sample is too much to look at.
    """
    if estimate.work.watts is None:
        return None
    step = estimate.work.executions[0]
    try:
        power = power_of_program(
            estimate.program, estimate.target, estimate.profile, step.entry, max(step.batch, 1), MOST_RECORDS
        )
    except (TooLongError, ScratchpadError):
        return None
    return power_json(power, bins=False)
