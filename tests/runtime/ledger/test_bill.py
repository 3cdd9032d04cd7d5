"""Pricing: every event once; what has no price is in no sum and is named."""

import csv
import io
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ohmflow.runtime.ledger.bill import Bill, Row, make_bill, unit_kind
from ohmflow.runtime.ledger.events import Key
from ohmflow.runtime.ledger.files import ledger_csv
from ohmflow.targets.costs import cost_table
from ohmflow.targets.registry import load

ADC, PULSE = ("adc", "adc_conversion"), ("driver", "row_pulse")


@dataclass
class Book:
    """A book of events written by hand."""

    counts: dict[int, dict[Key, float]]
    phase_cycles: dict[int, dict[tuple[str, str], int]] = field(default_factory=dict)
    cycles: int = 0
    program: Any = field(default_factory=lambda: SimpleNamespace(chip=SimpleNamespace(clock_hz=1e9)))


def bill(counts: dict[int, dict[Key, float]], prices: dict[tuple[str, str], float | None], **more: Any) -> Bill:
    return make_bill(Book(counts, **more), prices)  # type: ignore[arg-type]


def test_epochs_are_added_and_priced_once() -> None:
    key: Key = ("tile(0,0)", "forward", *ADC)
    made = bill({1: {key: 3.0}, 2: {key: 4.0}}, {ADC: 0.5})
    assert made.rows == (Row(*key, 7.0, 0.5),)
    assert made.joules == 3.5


def test_one_epoch_can_be_billed_alone() -> None:
    key: Key = ("tile(0,0)", "forward", *ADC)
    book = Book({1: {key: 3.0}, 2: {key: 4.0}}, {1: {("tile(0,0)", "forward"): 5}, 2: {("tile(0,0)", "forward"): 6}})
    made = make_bill(book, {ADC: 0.5}, {2})  # type: ignore[arg-type]
    assert made.joules == 2.0 and made.phase_cycles == {("tile(0,0)", "forward"): 6}


def test_what_has_no_price_is_left_out_of_sums_and_named() -> None:
    counts = {1: {("tile(0,0)", "forward", *ADC): 2.0, ("tile(0,0)", "update", *PULSE): 8.0}}
    made = bill(counts, {ADC: 0.25, PULSE: None})
    assert made.joules == 0.5
    assert made.missing == ("driver.row_pulse",)
    assert made.by("phase") == {"forward": 0.5}


def test_bill_without_any_price_has_no_total_rather_than_zero() -> None:
    made = bill({1: {("tile(0,0)", "update", *PULSE): 8.0}}, {PULSE: None})
    assert made.joules is None


def test_event_that_no_target_knows_is_a_defect() -> None:
    with pytest.raises(KeyError):
        bill({1: {("tile(0,0)", "forward", "adc", "guess"): 1.0}}, {ADC: 1.0})


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("tile(3,2).1", "tile"),
        ("vector(0,0)", "vector"),
        ("router(1,1)", "router"),
        ("host", "host"),
        ("unused tiles", "tile"),
        ("unused vector units", "vector"),
        ("unused routers", "router"),
    ],
)
def test_leakage_is_priced_by_the_kind_of_unit(unit: str, kind: str) -> None:
    assert unit_kind(unit) == kind
    made = bill({1: {(unit, "idle", "leakage", "leak_cycle"): 10.0}}, {("leakage", kind): 0.1})
    assert made.joules == 1.0


def test_sums_by_any_division_are_the_total() -> None:
    counts: dict[Key, float] = {}
    for u in range(3):
        for phase in ("forward", "update"):
            counts[f"tile({u},0)", phase, *ADC] = u + 0.5
            counts[f"tile({u},0)", phase, *PULSE] = 2.0 * u
    made = bill({1: counts}, {ADC: 0.1, PULSE: 0.7})
    for attribute in ("unit", "phase", "component", "event"):
        assert sum(made.by(attribute).values()) == pytest.approx(made.joules, rel=1e-14)


def test_csv_reads_back_exactly() -> None:
    third = 1.0 / 3.0
    counts = {1: {("tile(0,0)", "forward", *ADC): third, ("router(0,0)", "idle", *PULSE): 1e300}}
    made = bill(counts, {ADC: 1e-13 * third, PULSE: None}, phase_cycles={1: {("tile(0,0)", "forward"): 12}}, cycles=12)
    rows = list(csv.DictReader(io.StringIO(ledger_csv(made))))
    assert [row["unit"] for row in rows] == ["router(0,0)", "tile(0,0)", "tile(0,0)"]
    assert float(rows[1]["count"]) == third
    assert float(rows[1]["energy_per_event_j"]) == 1e-13 * third
    assert float(rows[1]["energy_j"]) == third * (1e-13 * third)
    assert (rows[0]["energy_per_event_j"], rows[0]["energy_j"]) == ("", "")
    assert (rows[2]["component"], rows[2]["cycles"], rows[2]["count"]) == ("time", "12", "")


def test_every_event_of_the_page_has_a_price_on_the_shipped_chips() -> None:
    page = _events_of_the_page()
    dram = {("dram", "dram_write_byte"), ("dram", "dram_read_byte")}
    others = {("shift_add", "shift_add"), ("link", "flit_package"), ("adder", "flit_add")}
    lacking = {"protonic-psg": others | dram, "rpu-2016": others | dram, "protonic-psg-hbm2": others}
    for name, without in lacking.items():
        assert without <= page
        table = cost_table(load(name))
        assert {key for key in table if key[0] != "leakage"} == page - without
        assert all(joules is not None and joules >= 0 for joules in table.values())


def _events_of_the_page() -> set[tuple[str, str]]:
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text()
    part = page[page.index("## Events and their energies") :]
    part = part[: part.index("\n## ", 1)]
    rows = [line.split("|")[1:3] for line in part.splitlines() if line.startswith("| ")]
    return {
        (component.strip(), event.strip())
        for component, events in rows[1:]
        for event in events.split(";")[0].split(",")
        if component.strip() != "leakage" and " " not in event.strip() and "`" not in event
    }
