"""What a step was spent on, and what would make it shorter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import COUNTED, FIXED, PHASES, READ
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.critical.gains import WHOLE, Gain, Shortened, Stretched
from ohmflow.runtime.critical.path import Span, critical_path
from ohmflow.runtime.critical.step import Step
from ohmflow.runtime.ledger.layer_names import layer_names
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import network_of

KINDS = {"tile": "tiles", "vector": "vector units", "host": "host", "dram": "DRAM channels", "link": "links"}
"""Names of the classes, by kind of unit."""


@dataclass(frozen=True)
class Sum:
    """Cycles of the critical path that belong together.

    Attributes:
        name: of a unit, link, phase, layer, or reason.
        cycles: on the path.
        spans: how many.
    """

    name: str
    cycles: int
    spans: int


@dataclass(frozen=True)
class Analysis:
    """The critical path of a step, and gains.

    Attributes:
        step: that was executed.
        path: from cycle 0 to the end.
        gains: the largest first; empty when not asked for.
        cycles_by_flits: of the step with messages that cross the network flit by flit, where the target asks for that;
            `step` is then the same one with links that are reserved for whole messages, which have one cause each.
    """

    step: Step
    path: tuple[Span, ...]
    gains: tuple[Gain, ...]
    cycles_by_flits: int | None = None

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Layer of each instruction."""
        return layer_names(self.step.program, self.step.entry)

    def place(self, span: Span) -> str:
        """Name of the unit or link."""
        chip = self.step.program.chip
        return chip.links[span.place] if span.on_link else chip.units[span.place].name

    def kind(self, span: Span) -> str:
        """Name of the class of the unit, or `links`."""
        return KINDS["link" if span.on_link else self.step.program.chip.units[span.place].kind]

    def phase(self, span: Span) -> str:
        """Phase of the instruction, or of the one whose message the link carried."""
        return PHASES[int(self.step.entry.instructions["phase"][span.instruction])]

    def layer(self, span: Span) -> str:
        """Layer of the instruction, or of the one whose message the link carried."""
        return self.layers[span.instruction]

    def mnemonic(self, span: Span) -> str:
        """What the instruction is."""
        return Mnemonic(int(self.step.entry.instructions["mnemonic"][span.instruction])).name.lower()

    def told(self, span: Span, by: str) -> str:
        """One of `place`, `kind`, `phase`, `layer`, `mnemonic` or `reason` of a span."""
        return span.reason if by == "reason" else str(getattr(self, by)(span))

    def sums(self, by: str) -> tuple[Sum, ...]:
        """Cycles of the path by `place`, `kind`, `phase`, `layer`, `mnemonic` or `reason`; they sum to the step's.

        Returns:
            The most cycles first.
        """
        found: dict[str, tuple[int, int]] = {}
        for span in self.path:
            name = self.told(span, by)
            cycles, spans = found.get(name, (0, 0))
            found[name] = (cycles + span.cycles, spans + 1)
        return tuple(sorted((Sum(n, *both) for n, both in found.items()), key=lambda s: (-s.cycles, s.name)))


def analyse(step: Step, units: int = 8, gains: bool = True) -> Analysis:
    """Find the critical path of a step, and what shorter service times would gain.

    Args:
        step: recorded.
        units: for how many of the units with most cycles on the path to find the gain of each.
        gains: whether to find gains at all; each takes a run of the engine.
    """
    flits = None
    if network_of(step.program.chip, step.target) is not None:
        flits = step.timeline.cycles
        step = replace(step, timeline=Clock(step.schedule).run(step.schedule.counts, record=True))
    path = critical_path(step.schedule, step.timeline)
    plain = Analysis(step, path, (), flits)
    if not gains:
        return plain
    stretched = Stretched(step.schedule)
    cycles, counts = step.timeline.cycles, step.schedule.counts
    assert stretched.cycles(counts) == WHOLE * cycles, "time in tenths is the same time"
    found = []
    for name, kind, chosen in _choices(plain, units):
        found.append(Gain(name, kind, stretched.cycles(counts, chosen) / WHOLE, cycles))
    return Analysis(step, path, tuple(sorted(found, key=lambda g: (-g.saved, g.kind, g.name))), flits)


def _choices(analysis: Analysis, units: int) -> Iterator[tuple[str, str, Shortened]]:
    """What is shortened, one after the other; what no instruction has is left out."""
    step = analysis.step
    table, chip = step.entry.instructions, step.program.chip
    kinds = np.array([unit.kind for unit in chip.units])[table["unit"]]
    none: NDArray[np.bool_] = np.zeros(len(table), bool)
    for kind, name in KINDS.items():
        rows = kinds == kind
        if kind == "link":
            if len(step.schedule.route):
                yield name, "class", Shortened(none, none, links=True)
        elif rows.any():
            yield name, "class", Shortened(rows, rows)
    tile, vector, program = kinds == "tile", kinds == "vector", table["phase"] == PHASES.index("program")
    reads, counted, fixed = (table["kind"] == kind for kind in (READ, COUNTED, FIXED))
    arithmetic = table["mnemonic"] == Mnemonic.VEC
    for name, service, conversion in (
        ("tiles: array phase of reads", tile & reads, none),
        ("tiles: converters", none, tile & reads),
        ("tiles: pulses of updates", tile & counted & ~program, none),
        ("tiles: programming", tile & counted & program, none),
        ("tiles: buffer", tile & fixed, none),
        ("vector units: arithmetic", vector & arithmetic, none),
        ("vector units: scratchpad", vector & ~arithmetic, none),
    ):
        if service.any() or conversion.any():
            yield name, "part", Shortened(service, conversion)
    numbers = {unit.name: number for number, unit in enumerate(chip.units)}
    on_path = [s.name for s in analysis.sums("place") if s.name in numbers]
    for name in on_path[:units]:
        rows = table["unit"] == numbers[name]
        yield name, "unit", Shortened(rows, rows)
