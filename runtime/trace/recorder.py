"""Recording a window of training steps and writing `trace.json`.

One track a tile, vector unit, host and used link. A slice of a unit is an instruction from issue to release, which is
when it holds the unit (`docs/microarchitecture.md`); its result may complete later, which its arguments say. A slice of
a link is a packet's flits. Power is a counter in bins; over the window it integrates to the ledger's joules.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.compiler.program.tables import Mnemonic, Op
from ohmflow.runtime.ledger.activity import array_numbers
from ohmflow.runtime.ledger.bill import Bill, make_bill
from ohmflow.runtime.ledger.events import EventBook, TileShape
from ohmflow.runtime.trace import events
from ohmflow.runtime.trace.energy import EnergyModel, Prices, StepEnergy
from ohmflow.runtime.trace.errors import UntimedError
from ohmflow.runtime.trace.power import BINS, bin_width, power_trace
from ohmflow.runtime.trace.window import Window
from ohmflow.runtime.training.atomic import replace_text

TRACE = "trace.json"

_ENTRY = "train_step"
_LIMIT = 48_000_000
"""Bytes of slices; with names and counters a file stays below 50 MB."""
_FEWEST_BINS = 50
"""Bins of power in a step, of which there are fewer the more steps are traced."""
_KINDS = {"tile": events.TILES, "vector": events.VECTORS, "host": events.HOST, "dram": events.DRAM}


class TraceRecorder:
    """Watches a machine and keeps what a window of its training steps did.

    Args:
        program: that runs.
        tile: physical lines and converters of a tile.
        prices: joules of each event.
        window: which steps.
        limit: bytes of slices that are kept; power is kept for the whole window.

    Raises:
        UntimedError: the target has no time.
    """

    def __init__(self, program: Program, tile: TileShape, prices: Prices, window: Window, limit: int = _LIMIT) -> None:
        if program.chip.clock_hz is None:
            raise UntimedError(
                f"--trace: the target must have a clock, but {program.manifest['target']} models no time; "
                "trace on another target"
            )
        self._program, self._prices, self._window, self._limit = program, prices, window, limit
        self._energy = EnergyModel(program, _ENTRY, tile, prices)
        self._clock_hz = program.chip.clock_hz
        self._ruler = events.Ruler(program.chip.clock_hz)
        self._book = EventBook(program, tile)
        self._tally: NDArray[np.float64] | None = None
        self._arrays = array_numbers(program.entries[_ENTRY])
        self._names = [self._instruction(i) for i in range(len(program.entries[_ENTRY].instructions))]
        self._unit_of = program.entries[_ENTRY].instructions["unit"]
        self._slices: list[str] = []
        self._counters: list[str] = []
        self._units: set[int] = set()
        self._links: set[int] = set()
        self._steps: list[int] = []
        self._bytes = 0
        self._left_out = 0
        self._now = 0

    def wants(self, entry: str, step: int) -> bool:
        """Whether an execution (steps from 0) is to be recorded."""
        return entry == _ENTRY and step + 1 in self._window

    def saw(self, entry: str, step: int, timeline: Timeline, tally: NDArray[np.float64]) -> None:
        """Keep one execution.

        Args:
            entry: that ran.
            step: its number, from 0.
            timeline: with issues and grants recorded.
            tally: [operations, blocks, columns] what the crossbars counted in it.
        """
        cost = self._energy.step(timeline, tally)
        self._book.add_timeline(entry, timeline)
        self._tally = tally if self._tally is None else self._tally + tally
        found = self._unit_slices(step + 1, timeline, cost) + self._link_slices(timeline, cost)
        found.sort(key=lambda item: item[0])
        self._keep([text for _, text in found])
        self._slices.append(
            events.piece(
                events.STEPS, 1, self._span(0, timeline.cycles), f"step {step + 1}", "step", {"cycles": timeline.cycles}
            )
        )
        self._add_power(timeline, cost)
        self._steps.append(step + 1)
        self._now += timeline.cycles

    def _span(self, begin: int, end: int) -> tuple[str, str]:
        """Time and duration of cycles of the step that is being kept."""
        return self._ruler.span(self._now + begin, self._now + end)

    def _keep(self, found: list[str]) -> None:
        """Keep the slices that began first, as long as there is room; once there is none, none of later steps."""
        for number, text in enumerate(found):
            self._bytes += len(text) + 2
            if self._bytes > self._limit:
                self._left_out += len(found) - number
                return
            self._slices.append(text)

    def _instruction(self, i: int) -> tuple[str, str, dict[str, Any]]:
        """Name, phase and arguments of an instruction."""
        entry = self._program.entries[_ENTRY]
        row = entry.instructions[i]
        phase, what = PHASES[int(row["phase"])], Mnemonic(int(row["mnemonic"])).name.lower()
        args: dict[str, Any] = {"phase": phase, "operation": what}
        number = int(self._arrays[i])
        if number >= 0:
            array = self._program.arrays[number]
            args["array"] = array.name
            if row["block"] >= 0 and len(array.blocks) > 1:
                block = array.blocks[int(row["block"])]
                rows, cols = f"{block.row0}:{block.row0 + block.rows}", f"{block.col0}:{block.col0 + block.cols}"
                args["block"] = f"[{rows}, {cols}]"
            return f"{what} {array.name}", phase, args
        operation = entry.operations[int(row["operation"])] if row["operation"] >= 0 else None
        if operation is not None and operation["code"] == Op.CALL:
            args["segment"] = self._program.segments[int(operation["symbol"])].name
            return f"{what} {args['segment']}", phase, args
        return what, phase, args

    def _unit_slices(self, step: int, timeline: Timeline, cost: StepEnergy) -> list[tuple[int, str]]:
        found = []
        chip = self._program.chip
        for (i, issue, release, completion), joules in zip(
            timeline.issues.tolist(), cost.by_issue.tolist(), strict=True
        ):
            unit = int(self._unit_of[i])
            self._units.add(unit)
            name, phase, args = self._names[i]
            more = args | {"step": step, "instruction": i, "joules": joules}
            if completion > release:
                more["completes_cycles_after_release"] = completion - release
            kind = _KINDS[chip.units[unit].kind]
            found.append((issue, events.piece(kind, unit + 1, self._span(issue, release), name, phase, more)))
        return found

    def _link_slices(self, timeline: Timeline, cost: StepEnergy) -> list[tuple[int, str]]:
        found = []
        channels, units = self._program.entries[_ENTRY].channels, self._program.chip.units
        for (link, channel, entry, grant), joules in zip(timeline.grants.tolist(), cost.by_grant.tolist(), strict=True):
            self._links.add(link)
            row = channels[channel]
            name = f"{units[int(row['src'])].name} to {units[int(row['dst'])].name}"
            flits = int(row["flits"])
            args = {"flits": flits, "waited_cycles": grant - entry, "joules": joules}
            span = self._span(grant, grant + flits)
            found.append((grant, events.piece(events.LINKS, link + 1, span, name, "packet", args)))
        return found

    def _add_power(self, timeline: Timeline, cost: StepEnergy) -> None:
        """Counters of power: all of it, by where it is spent, and by component."""
        cycles = timeline.cycles
        if cycles == 0:
            return
        steps = self._window.last - self._window.first + 1
        power = power_trace(cost, self._clock_hz, bin_width(cycles, self._clock_hz, max(BINS // steps, _FEWEST_BINS)))
        ends = [self._ruler.picoseconds(self._now + edge) for edge in power.edges.tolist()]
        seconds: NDArray[np.float64] = np.diff(np.array(ends, np.float64)) * 1e-12
        total = power.total / seconds
        by = {which: {n: j / seconds for n, j in power.by(which).items()} for which in ("place", "component")}
        for k, end in enumerate(ends[:-1]):
            time = events.microseconds(end)
            self._counters.append(events.counter("power, W", time, {"W": float(total[k])}))
            for which, watts in by.items():
                values = {name: float(w[k]) for name, w in sorted(watts.items())}
                self._counters.append(events.counter(f"power by {which}, W", time, values))

    def bill(self) -> Bill:
        """The ledger of the recorded steps alone."""
        book = self._book
        if self._tally is not None:
            book.close_epoch(1, {_ENTRY: self._tally})
            self._tally = None
        return make_bill(book, self._prices)

    def text(self) -> str:
        """The trace as JSON."""
        bill = self.bill()
        chip = self._program.chip
        names = events.group_names({events.STEPS, events.POWER, events.LINKS, *(_KINDS[u.kind] for u in chip.units)})
        names += events.track(events.STEPS, 1, "training steps")
        for unit in sorted(self._units):
            names += events.track(_KINDS[chip.units[unit].kind], unit + 1, chip.units[unit].name)
        for link in sorted(self._links):
            names += events.track(events.LINKS, link + 1, chip.links[link])
        end = events.microseconds(self._ruler.picoseconds(self._now))
        last = [events.counter("power, W", end, {"W": 0.0})]
        data = {
            "model": self._program.manifest["model"],
            "target": self._program.manifest["target"],
            "target_hash": self._program.manifest["target_hash"],
            "window": [self._window.first, self._window.last],
            "steps": self._steps,
            "cycles": self._now,
            "clock_hz": chip.clock_hz,
            "joules": bill.joules,
            "not_modelled": list(bill.missing),
            "slices_left_out": self._left_out,
            "notes": [
                "time 0 is the start of the first recorded step; steps follow each other without what ran between "
                "them, such as evaluation",
                "energy counted on crossbars is spread over the executions of its operation on its block in a step",
                "power is the mean of each bin; ohmflow power tells peaks that are shorter",
                *(
                    [
                        f"{self._left_out} slices, all that begin after the last one shown, are left out to keep "
                        "the file small; power is complete; name fewer steps with --trace-window"
                    ]
                    if self._left_out
                    else []
                ),
            ],
        }
        body = ",\n".join([*names, *self._slices, *self._counters, *last])
        return f'{{"displayTimeUnit":"ns","otherData":{json.dumps(data)},"traceEvents":[\n{body}\n]}}\n'

    def write(self, folder: Path) -> Path:
        """Write `trace.json` into a run's folder.

        Raises:
            OSError: it can not be written.
        """
        replace_text(folder / TRACE, self.text())
        return folder / TRACE
