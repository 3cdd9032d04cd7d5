"""The estimate of a run's own work, from what the run recorded.

What follows from the program alone (bytes, flits, vector elements, host bytes) is counted by the clock engine, as in
any estimate. What depends on numbers (driven lines, conversions, dose, pulses, coincidences) and the cycles are the
run's own sums. So energies are those of the ledger to rounding and cycles are equal. What the clock gives with the
run's mean counts is kept beside it: waits do not add up like counts do, so means can not give the last cycle. So is
what it gives with the assumptions, which shows how far to trust them.
"""

from pathlib import Path

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.estimate.api import check_program
from ohmflow.runtime.estimate.assumptions import Given
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.errors import EstimateError
from ohmflow.runtime.estimate.part import EPOCH, Estimator, Execution, Part
from ohmflow.runtime.estimate.record import Counts, Epochs, Recorded
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.runtime.ledger.events import EventBook
from ohmflow.targets.schema.target import Target

ON_CROSSBARS = ("driver", "dac", "adc", "array", "device")
"""Components whose events depend on numbers."""


def estimate_run(program: Program, target: Target, run: Recorded, given: tuple[Given, ...] = ()) -> Estimate:
    """Estimate all that a run did.

    Args:
        program: the run's.
        target: the run's.
        run: what it recorded.
        given: must be empty; what was recorded is not assumed.

    Raises:
        EstimateError: the program or the target is not the run's.
    """
    check_program(program, target)
    if given:
        raise EstimateError(
            f"--assume {given[0].name}: must be left out beside --counts without --batch or --steps, "
            "since all counts are the run's; give --steps"
        )
    if run.target_hash != target.content_hash:
        raise EstimateError(
            f"--counts {run.folder}: must be a run on the target {target.name} ({target.content_hash[:12]}), not on "
            f"{run.target_hash[:12]}; give --batch or --steps to use its mean counts on this one"
        )
    estimator = Estimator(program, target, run.profile(program, target))
    return Estimate(
        program=program,
        target=target,
        profile=estimator.profile,
        phase=run.phase,
        once=_part(estimator, (Execution("program", 0),), run.programming, run.folder),
        work=_part(estimator, run.executions, run.work, run.folder),
        recorded=str(run.folder),
        means=estimator.part(run.executions),
        assumed=Estimator(program, target, Profile(program, target)).part(run.executions),
    )


def _part(estimator: Estimator, executions: tuple[Execution, ...], sums: Epochs, folder: Path) -> Part:
    """A part with the run's sums."""
    booked = estimator.book(executions)
    _check_same_work(booked.book, sums, folder)
    _take(booked.book, sums)
    return estimator.priced(executions, booked)


def _check_same_work(book: EventBook, sums: Epochs, folder: Path) -> None:
    """Refuse a run whose events differ in what follows from the program alone: it ran another one."""
    made: Counts = {key: n for key, n in book.counts[EPOCH].items() if key[2] not in (*ON_CROSSBARS, "leakage")}
    had = {key: n for key, n in sums.events.items() if key[2] not in (*ON_CROSSBARS, "leakage")}
    for key in sorted({*made, *had}):
        mine, its = made.get(key, 0.0), had.get(key, 0.0)
        if abs(mine - its) > 1e-9 * its:
            unit, phase, component, event = key
            raise EstimateError(
                f"--counts {folder}: must be a run of the same program, with {mine:,.0f} {component}.{event} of {unit} "
                f"in the phase {phase}, not {its:,.0f}; compile with the run's options, or give --steps to use its "
                "mean counts"
            )


def _take(book: EventBook, sums: Epochs) -> None:
    """Put the run's sums into a book, in place of what a profile and the clock gave."""
    program = book.program
    counts = {k: n for k, n in book.counts[EPOCH].items() if k[2] not in (*ON_CROSSBARS, "leakage")}
    for (unit, phase, component, event), n in sums.events.items():
        if component in (*ON_CROSSBARS, "leakage"):
            counts[unit, phase, component, event] = n
    book.counts[EPOCH] = counts
    book.phase_cycles[EPOCH] = {(unit, phase): int(n) for (unit, phase), n in sums.cycles.items()}
    first = program.chip.units[0].name
    book.cycles = sum(n for (unit, _), n in book.phase_cycles[EPOCH].items() if unit == first)
    book.activity.units[EPOCH] = {(unit, phase, state): int(n) for (unit, phase, state), n in sums.states.items()}
    book.activity.links[EPOCH] = dict(sums.links)
    arrays = {k: n for k, n in book.activity.arrays.get(EPOCH, {}).items() if k[2] not in (*ON_CROSSBARS, "work")}
    for (array, phase, component, event), n in sums.arrays.items():
        if component in (*ON_CROSSBARS, "work"):
            arrays[array, phase, component, event] = n
    book.activity.arrays[EPOCH] = arrays
