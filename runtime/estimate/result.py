"""The estimate: its parts, and what follows from them."""

from dataclasses import dataclass

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op, Trip
from ohmflow.runtime.estimate.count_profile import Profile, Stated
from ohmflow.runtime.estimate.part import EPOCH, Part
from ohmflow.targets.area import AreaNode, area_tree
from ohmflow.targets.schema.target import Target


@dataclass(frozen=True)
class Busy:
    """How well units of one kind are used.

    Attributes:
        kind: `tile`, `vector`, `host` or `dram`.
        used: units with a stream.
        total: of the chip, or None.
        mean: share of cycles in which they were busy, mean over the used ones.
        busiest: name of the busiest.
        most: its share.
    """

    kind: str
    used: int
    total: int | None
    mean: float
    busiest: str
    most: float


@dataclass(frozen=True)
class Estimate:
    """What a program takes on its target.

    Attributes:
        program: what was estimated.
        target: its chip.
        profile: the counts.
        phase: `training` or `inference`.
        once: programming the chip.
        work: the steps.
        recorded: the folder whose recorded time and counts `work` and `once` are, or empty.
        means: of a recorded run, its work by the clock and the ledger with its mean counts, else None.
        assumed: of a recorded run, its work with the assumptions in place of its counts, else None.
    """

    program: Program
    target: Target
    profile: Profile
    phase: str
    once: Part
    work: Part
    recorded: str = ""
    means: Part | None = None
    assumed: Part | None = None

    @property
    def has_nothing(self) -> bool:
        """Whether the target models neither time nor energy."""
        return self.work.seconds is None and self.work.joules is None

    @property
    def leakage(self) -> float | None:
        """Share of leakage in the energy of the work."""
        joules = self.work.joules
        return self.work.bill.by("component").get("leakage", 0.0) / joules if joules else None

    @property
    def leakage_of_rest(self) -> float | None:
        """Share of leakage by the part of the chip that the program does not use."""
        joules, units = self.work.joules, self.work.bill.by("unit")
        return sum(n for unit, n in units.items() if unit.startswith("unused")) / joules if joules else None

    @property
    def area(self) -> AreaNode | None:
        """Area of the chip by its parts, or None when it is not modelled."""
        return area_tree(self.target)

    @property
    def assumptions(self) -> tuple[Stated, ...]:
        """What the estimate rests on, as it is used."""
        entries = {e.entry for part in (self.once, self.work) for e in part.executions}
        loops = [loop for name in entries for loop in self.program.entries[name].loops]
        from_data = any(loop["trip_kind"] == Trip.DATA and loop["code"] != Op.WHEN for loop in loops)
        return self.profile.stated(self.phase == "training", from_data)

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """Paths that the target leaves out, and events without a price."""
        missing = {*self.target.not_modelled, *self.once.bill.missing, *self.work.bill.missing}
        return tuple(sorted(missing))

    @property
    def macs(self) -> float:
        """Multiply-accumulates of the work: a read or an update of an array counts each of its weights once."""
        sizes = {a.name: a.rows * a.cols for a in self.program.arrays}
        counted = self.work.book.activity.arrays.get(EPOCH, {})
        work = {key: n for key, n in counted.items() if key[2] == "work" and key[3] in ("read", "update")}
        return sum(sizes[array] * n for (array, *_), n in work.items())

    @property
    def weights(self) -> int:
        """Weights on crossbars; the auxiliary arrays of a rule hold none of their own."""
        return sum(a.rows * a.cols for a in self.program.arrays if not a.layer)

    @property
    def tiles(self) -> int:
        """Tiles that hold weights."""
        return len({b.tile for a in self.program.arrays for b in a.blocks})

    @property
    def filled(self) -> float:
        """Share of the cells of used tiles that hold a weight."""
        crossbar = self.target.tile.crossbar
        return self.weights / (self.tiles * crossbar.rows * crossbar.weight_cols) if self.tiles else 0.0

    @property
    def executed(self) -> tuple[tuple[str, int], ...]:
        """Entry and batch of every execution."""
        return tuple((e.entry, e.batch) for part in (self.once, self.work) for e in part.executions)

    def busy(self) -> tuple[Busy, ...]:
        """How units are used during the work; none on a target without time."""
        cycles, chip = self.work.cycles, self.program.chip
        if not cycles:
            return ()
        states = self.work.book.activity.units.get(EPOCH, {})
        nodes = None if chip.mesh is None else chip.mesh[0] * chip.mesh[1]
        kinds = []
        for kind, total in (("tile", chip.tiles), ("vector", nodes), ("host", 2), ("dram", None)):
            shares = {
                u.name: sum(n for (unit, _, state), n in states.items() if unit == u.name and state == "busy") / cycles
                for u in chip.units
                if u.kind == kind
            }
            if shares:
                top = max(shares, key=lambda name: shares[name])
                kinds.append(Busy(kind, len(shares), total, sum(shares.values()) / len(shares), top, shares[top]))
        return tuple(kinds)
