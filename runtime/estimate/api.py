"""`estimate`: what a compiled program takes on its target, without executing values."""

from collections.abc import Sequence

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.estimate.errors import EstimateError
from ohmflow.runtime.estimate.part import Estimator, Execution
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.targets.schema.target import Target

ENTRIES = {"training": "train_step", "inference": "infer"}
"""Entry of each phase that can be asked for."""


def estimate(
    program: Program,
    target: Target,
    profile: Profile | None = None,
    batch: int = 10,
    phase: str = "training",
    steps: int | None = None,
    structure: bool = False,
) -> Estimate:
    """Estimate time, energy, power and area of a program.

    Args:
        program: compiled for `target`.
        target: the chip.
        profile: counts; the documented assumptions by default.
        batch: samples a step.
        phase: `training` or `inference`.
        steps: how many steps; by default as many as it takes until steps repeat, mostly one.
        structure: go on where memories are too small, and list those in the estimate.

    Returns:
        The estimate.

    Raises:
        EstimateError: an argument does not fit.
        ScratchpadError: the batch does not fit the memories of the chip, and `structure` is false.
    """
    check_program(program, target)
    if phase not in ENTRIES:
        raise EstimateError(f"--phase: must be one of {', '.join(ENTRIES)}, not '{phase}'; choose one")
    if batch < 1:
        raise EstimateError(f"--batch: must be at least 1, not {batch}; give the samples of a step")
    if steps is not None and steps < 1:
        raise EstimateError(f"--steps: must be at least 1, not {steps}; give how many steps to estimate")
    entry = ENTRIES[phase]
    if entry not in program.entries:
        raise EstimateError(
            f"--phase {phase}: must be one that the program was compiled for ({_phases(program)}), not one that it "
            "lacks; compile the model itself"
        )
    profile = profile or Profile(program, target)
    period = Counter(program, program.entries[entry], profile, batch).period
    return make_estimate(program, target, profile, phase, (Execution(entry, batch, steps or period),), structure)


def make_estimate(
    program: Program,
    target: Target,
    profile: Profile,
    phase: str,
    executions: Sequence[Execution],
    structure: bool = False,
) -> Estimate:
    """Estimate executions, with programming the chip once before."""
    estimator = Estimator(program, target, profile, structure)
    return Estimate(
        program=program,
        target=target,
        profile=profile,
        phase=phase,
        once=estimator.part((Execution("program", 0),)),
        work=estimator.part(executions),
    )


def check_program(program: Program, target: Target) -> None:
    """Refuse a program of another target.

    Raises:
        EstimateError: it is.
    """
    if program.manifest["target_hash"] != target.content_hash:
        raise EstimateError(
            f"-t {target.name}: must be the target for which the program was compiled, {program.manifest['target']} "
            f"({program.manifest['target_hash'][:12]}), not {target.name} ({target.content_hash[:12]}); compile again"
        )


def _phases(program: Program) -> str:
    return " and ".join(phase for phase, entry in ENTRIES.items() if entry in program.entries)
