"""Energy and busy time by layer: arrays, digital segments, and what moves data in and out.

An event belongs to the array on whose blocks it happened or whose instruction caused it, else to the digital segment of
its instruction; the bytes and flits of an instruction are its own. Leakage belongs to no layer. So the layers and the
leakage sum to the bill.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import FIXED, PHASES
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.ledger.activity import ArrayKey, array_numbers
from ohmflow.runtime.ledger.events import static_events

Prices = Mapping[tuple[str, str], float | None]
DATA = "data in and out"


@dataclass
class Layer:
    """What an array or a digital segment takes.

    Attributes:
        name: of the array or segment, or `DATA`.
        kind: `array`, `digital` or `data`.
        detail: shape of an array, operators of a segment.
        units: where it runs.
        joules: energy by phase, leakage aside.
        busy_cycles: cycles in which units were busy with it, added over units, by phase.
        events: counts by (phase, component, event).
    """

    name: str
    kind: str
    detail: str
    units: tuple[str, ...]
    joules: dict[str, float] = field(default_factory=dict)
    busy_cycles: dict[str, int] = field(default_factory=dict)
    events: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def add(self, phase: str, component: str, event: str, count: float, price: float | None) -> None:
        """Add events, with their energy if they have a price."""
        key = (phase, component, event)
        self.events[key] = self.events.get(key, 0.0) + count
        if price is not None:
            self.joules[phase] = self.joules.get(phase, 0.0) + count * price


def layers_of(
    program: Program,
    arrays: Mapping[ArrayKey, float],
    executed: Mapping[str, NDArray[np.int64]],
    prices: Prices,
) -> tuple[Layer, ...]:
    """Attribute what was counted.

    Args:
        program: that was executed.
        arrays: count of each (array, phase, component, event).
        executed: how often each instruction of an entry ran.
        prices: joules of one event.

    Returns:
        Arrays in the program's order, then segments in the order of their instructions, then what belongs to neither.
    """
    found = {a.name: _array(program, a.name) for a in program.arrays}
    for (array, phase, component, event), count in arrays.items():
        if component != "work":
            found[array].add(phase, component, event, count, prices[component, event])
        elif event == "busy_cycle":
            found[array].busy_cycles[phase] = found[array].busy_cycles.get(phase, 0) + int(count)
    digital: dict[str, Layer] = {}
    for name, counts in executed.items():
        entry = program.entries[name]
        labels = _labels(program, entry)
        _digital_events(program, entry, counts, labels, digital, prices)
        _digital_cycles(program, entry, counts, labels, digital)
    rest = [layer for key, layer in digital.items() if key != DATA]
    return tuple(_used((*found.values(), *rest, *(digital[k] for k in (DATA,) if k in digital))))


def _used(layers: Iterable[Layer]) -> Iterable[Layer]:
    return (layer for layer in layers if layer.events or layer.busy_cycles)


def _array(program: Program, name: str) -> Layer:
    array = program.arrays[program.array_number(name)]
    names = {u.index: u.name for u in program.chip.units if u.kind == "tile"}
    units = tuple(dict.fromkeys(names.get(b.tile, f"tile {b.tile}") for b in array.blocks))
    return Layer(name, "array", f"{array.rows} × {array.cols}", units)


def _labels(program: Program, entry: Entry) -> list[str | None]:
    """The segment, `DATA`, or None for what belongs to an array, of every instruction."""
    numbers = array_numbers(entry)
    labels: list[str | None] = []
    for instruction, array in zip(entry.instructions, numbers.tolist(), strict=True):
        operation = int(instruction["operation"])
        if array >= 0:
            labels.append(None)
        elif operation >= 0 and Op(int(entry.operations["code"][operation])) is Op.CALL:
            labels.append(program.segments[int(entry.operations["symbol"][operation])].name)
        else:
            labels.append(DATA)
    return labels


def _layer(program: Program, digital: dict[str, Layer], label: str, unit: str) -> Layer:
    if label not in digital:
        operators = next((s.operators for s in program.segments if s.name == label), ())
        detail = ", ".join(dict.fromkeys(operators)) if label != DATA else "host, windows, folds"
        digital[label] = Layer(label, "data" if label == DATA else "digital", detail, ())
    layer = digital[label]
    if unit not in layer.units:
        layer.units = (*layer.units, unit)
    return layer


def _digital_events(
    program: Program,
    entry: Entry,
    executed: NDArray[np.int64],
    labels: list[str | None],
    digital: dict[str, Layer],
    prices: Prices,
) -> None:
    for instruction, (_, phase, component, event), amount in static_events(program, entry):
        label, n = labels[instruction], int(executed[instruction])
        if label is not None and n:
            unit = program.chip.units[int(entry.instructions["unit"][instruction])].name
            layer = _layer(program, digital, label, unit)
            layer.add(phase, component, event, float(amount) * n, prices[component, event])


def _digital_cycles(
    program: Program, entry: Entry, executed: NDArray[np.int64], labels: list[str | None], digital: dict[str, Layer]
) -> None:
    """Digital work is of fixed length, so its busy cycles are occupancy times executions."""
    for row, label, n in zip(entry.instructions, labels, executed.tolist(), strict=True):
        if label is None or not n:
            continue
        assert row["kind"] == FIXED, "only arrays have data-dependent lengths"
        layer, phase = (
            _layer(program, digital, label, program.chip.units[int(row["unit"])].name),
            PHASES[int(row["phase"])],
        )
        layer.busy_cycles[phase] = layer.busy_cycles.get(phase, 0) + int(row["t0"]) * n
