"""A count profile: how often what happens on crossbars, when no values are computed.

Per execution of an entry it gives the two things that a value engine would: the flat counts that the clock looks up
(retries, train lengths, trips), and the tally of every array operation, block by block. Both are means over all vectors
of an array, so a profile knows nothing of how one vector differs from the next.

With n vectors, a attempts, i input and o output lines of a block, G0 the conductance of a cell at w = 0 and of its
reference, and L the length of a train:

    driven lines      n · a · i · activity · passes           conversions   n · a · o · conversions of a line
    read dose         driven · level · o · (2·G0 + slope·w)
    row pulses        n · L · rows · row-rate                 column pulses n · L · cols · col-rate
    coincidences      n · L · rows · cols · coincidence-rate
"""

from dataclasses import dataclass
from math import copysign

from ohmflow.compiler.program.program import ArrayRecord, BlockRecord, Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.devices.of_target import cell_of
from ohmflow.runtime.devices.upkeep import window_bounds_of
from ohmflow.runtime.estimate.assumptions import ASSUMPTIONS, WINDOWS, Assumption, Given
from ohmflow.runtime.estimate.programmed import ProgrammedWeights
from ohmflow.targets.cells import layout_of
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.schema.target import Target
from ohmflow.targets.timing import conversions_per_read, passes


@dataclass(frozen=True)
class Cell:
    """Conductance of a cell, references included: `base + slope · w`, siemens; None in `Profile` without a window."""

    base: float
    slope: float


@dataclass(frozen=True)
class Stated:
    """An assumption as an estimate uses it.

    Attributes:
        about: what it is.
        value: its value, or None where every array has its own.
        array: for which array, `WINDOWS`, or empty for all that have no value of their own.
        phase: in which phase, or empty for all.
        origin: `default`, `given` or `recorded`.
    """

    about: Assumption
    value: float | None
    array: str
    phase: str
    origin: str


_OF_TRAINING = {"error-activity", "error-level", "train", "row-rate", "col-rate", "coincidence-rate"}
_OF_CELLS = {"level", "error-level", "weight"}
_OF_BITS = {"activity": "share", "error-activity": "share", "level": "full", "error-level": "full"}
"""Where inputs are bit-serial, a line that is not 0 is driven in about half of the passes, fully."""


class Profile:
    """Values of all assumptions for one program on one target.

    Args:
        program: whose arrays.
        target: its device gives the conductance of a cell and the bounds of weights.
        given: values that replace the defaults; later ones win, those for one array or phase win over general ones.

    Attributes:
        given: as given.
        reads: whether the target's reads are counted; exact reads of an ideal device are not.
        pulsed: whether its updates are.
        cell: conductance, or None when no dose is counted.
        passes, conversions: how often a read drives its inputs, and how often it converts a line.
    """

    def __init__(self, program: Program, target: Target, given: tuple[Given, ...] = ()) -> None:
        self.given = given
        self.target = target
        self._values = {(g.name, g.array, g.phase): g for g in given}
        layout = layout_of(target)
        if target.device.model == FIXED:
            low, high = (float(target.device.parameters[name]) for name in ("w_min", "w_max"))
            bounds = layout.bounds(low, high)
            self.pulsed, converted = False, True
        else:
            device = cell_of(target)
            bounds, (low, high) = device.nominal_bounds, window_bounds_of(device)
            self.pulsed = converted = device.dw_min > 0
        self.reads = converted and (target.tile.dac is not None or target.tile.adc is not None)
        self.passes, self.conversions = passes(target), conversions_per_read(target)
        window = target.device.conductance
        self.cell: Cell | None = None
        if window is not None and self.reads:
            slope = (window.max.si - window.min.si) / (high - low)
            # The sum of a cell's device weights in terms of its own: none of a difference, all of a sum of equals.
            share = 1.0 if layout.is_one_model else sum(map(copysign, (1.0,) * len(layout.gains), layout.gains))
            base = layout.conducting * (window.min.si - low * slope)
            self.cell = Cell(base, slope * share / sum(map(abs, layout.gains)))
        self._windowed = {WINDOWS, *windowed_arrays(program)}
        # Either device of a pair holds what a weight is above or below 0.
        self._programmed = ProgrammedWeights(program, bounds, layout.is_one_model)

    def value(self, name: str, array: str, phase: str = "") -> float:
        """The value of an assumption for an array in a phase."""
        found = self._find(name, array, phase)
        value = self._default(name, array) if found is None else found.value
        if value is not None:
            return self._limited(name, value, found is None)
        if name == "weight":
            return self._programmed.mean(array)
        assert name == "coincidence-rate", "the other defaults are numbers"
        return self.value("row-rate", array, phase) * self.value("col-rate", array, phase)

    def _find(self, name: str, array: str, phase: str) -> Given | None:
        places = [(array, phase), (array, ""), *([(WINDOWS, "")] if array in self._windowed else []), ("", "")]
        return next((self._values[name, *place] for place in places if (name, *place) in self._values), None)

    def _default(self, name: str, array: str) -> float | None:
        about = ASSUMPTIONS[name]
        return about.windows if about.windows is not None and array in self._windowed else about.default

    def _limited(self, name: str, value: float, is_default: bool) -> float:
        """What the target's management leaves of a value."""
        update, read = self.target.tile.update, self.target.tile.read
        if is_default and self.passes > 1 and name in _OF_BITS:
            return value * 0.5 if _OF_BITS[name] == "share" else 1.0
        if name == "train":
            longest = float(max(update.train_length, 1))
            return longest if is_default and not update.train_length_management else min(value, longest)
        if name == "retries":
            return min(value, float(read.max_retries)) if read.bound_management == "iterative" else 0.0
        return value

    def stated(self, training: bool, from_data: bool) -> tuple[Stated, ...]:
        """Everything that an estimate rests on, as it is used: general values, then those of arrays.

        Args:
            training: whether errors and updates take part.
            from_data: whether a trip comes from data.
        """
        unused = set() if training else _OF_TRAINING
        unused = unused | (set() if from_data else {"trips"}) | (set() if self.cell is not None else _OF_CELLS)
        rows: list[Stated] = []
        for about in ASSUMPTIONS.values():
            own = [g for g in self._values.values() if g.name == about.name and (g.array or g.phase)]
            if about.name in unused:
                continue
            if not (own and all(g.origin == "recorded" for g in own)):
                rows.append(self._stated(about, ""))
                if about.windows is not None and len(self._windowed) > 1 and (about.name, "", "") not in self._values:
                    rows.append(self._stated(about, WINDOWS))
            if about.name != "weight" or any(g.origin != "recorded" for g in own):
                rows += [
                    Stated(about, self._limited(about.name, g.value, False), g.array, g.phase, g.origin)
                    for g in own
                    if g.array != WINDOWS and (training or g.phase in ("", "evaluation"))
                ]
        return tuple(rows)

    def _stated(self, about: Assumption, array: str) -> Stated:
        """What holds for all arrays, or all under windows, that have no value of their own."""
        found = self._find(about.name, array, "")
        value = None if found is None and about.default is None else self.value(about.name, array)
        return Stated(about, value, array, "", "default" if found is None else found.origin)

    def line_conductance(self, array: ArrayRecord, cells: int, phase: str) -> float:
        """Mean conductance of a line along `cells` cells of an array under a read, references included, siemens."""
        return (
            0.0
            if self.cell is None
            else cells * (self.cell.base + self.cell.slope * self.value("weight", array.name, phase))
        )

    def programmed_conductance(self, array: ArrayRecord, block: BlockRecord) -> float:
        """Conductance of all cells of a block as they are programmed, references included, siemens."""
        if self.cell is None:
            return 0.0
        total = self._programmed.total(array.name, block)
        return float(block.rows * block.cols * self.cell.base + self.cell.slope * total)


def windowed_arrays(program: Program) -> frozenset[str]:
    """Names of the arrays that are read at the windows of an image, as convolutions are."""
    found = set()
    for entry in program.entries.values():
        windows: set[int] = set()
        inside: set[int] = set()
        for row in entry.operations:
            code = Op(int(row["code"]))
            ins, outs = (entry.operands[int(row[f"{k}_begin"]) : int(row[f"{k}_end"])].tolist() for k in ("in", "out"))
            if code is Op.WINDOW:
                windows.update(outs)
            elif code is Op.UNSTASH and ins[0] in windows:
                inside.update(outs)
            elif code in (Op.MVM, Op.UPDATE) and ins[0] in inside:
                found.add(program.arrays[int(row["symbol"])].name)
    return frozenset(found)
