"""The power of one execution of a compiled program, with assumed counts or the mean ones of a run."""

from dataclasses import dataclass

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.critical.step import Step, longest_step
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.ledger.events import TileShape
from ohmflow.runtime.trace.energy import EnergyModel, StepEnergy
from ohmflow.runtime.trace.power import BINS, PowerTrace, bin_width, power_trace
from ohmflow.targets.costs import cost_table
from ohmflow.targets.schema.target import Target

MOST_RECORDS = 2_000_000
"""Instructions that ran and packets on links of a step whose power is found, at most; fewer samples are taken to stay
below. Some 300 bytes each."""


@dataclass(frozen=True)
class StepPower:
    """Power of an execution.

    Attributes:
        model, target: names.
        entry: that was executed.
        batch: samples of the execution; 0 for the entry `program`.
        asked: samples that were asked for; more than `batch` where so many were too many to look at.
        power: over time.
    """

    model: str
    target: str
    entry: str
    batch: int
    asked: int
    power: PowerTrace

    @property
    def of(self) -> str:
        """What it is the power of, such as `train_step of 10 samples`."""
        if not self.batch:
            return self.entry
        fewer = f" in place of {self.asked:,}" if self.asked > self.batch else ""
        return f"{self.entry} of {self.batch:,} sample{'' if self.batch == 1 else 's'}{fewer}"


def step_energy(step: Step) -> StepEnergy:
    """Energy of a step: what is spent in which cycles."""
    model = EnergyModel(step.program, step.entry.name, TileShape.of(step.target), cost_table(step.target))
    return model.step(step.timeline, step.tally)


def power_of_step(
    step: Step, bins: int = BINS, bin_seconds: float | None = None, asked: int | None = None
) -> StepPower:
    """Power of a step that was timed.

    Args:
        step: recorded.
        bins: at most, where `bin_seconds` is None.
        bin_seconds: wanted length of a bin, rounded up to whole cycles.
        asked: samples that were asked for, those of the step if None.
    """
    clock = step.program.chip.clock_hz
    assert clock is not None, "a step that was timed has a clock"
    power = power_trace(step_energy(step), clock, bin_width(step.timeline.cycles, clock, bins, bin_seconds))
    manifest = step.program.manifest
    return StepPower(
        str(manifest["model"]),
        str(manifest["target"]),
        step.entry.name,
        step.batch,
        step.batch if asked is None else asked,
        power,
    )


def power_of_program(
    program: Program,
    target: Target,
    profile: Profile,
    entry: str | None = None,
    batch: int = 10,
    most: int = MOST_RECORDS,
) -> StepPower:
    """Power of one execution with the counts of a profile, of fewer samples where `batch` has too much to look at.

    Args:
        program: compiled for `target`.
        target: the chip.
        profile: counts, assumed or the means of a run.
        entry: its name; `train_step` if the program has it, else `infer`.
        batch: samples of the execution.
        most: instructions and packets that may be looked at.

    Raises:
        CriticalError: there is no such entry, the target has no time, or one sample is too much.
        ScratchpadError: the batch does not fit the memories of the chip.
        EstimateError: the program was compiled for another target.
    """
    return power_of_step(longest_step(program, target, profile, entry, batch, most), asked=batch)
