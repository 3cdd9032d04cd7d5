"""Costs against arithmetic by hand, not against the code's own formulas."""

import re
from pathlib import Path

import pytest

from ohmflow.targets.components.registry import COMPONENTS, all_events
from ohmflow.targets.costs import cost_table, missing
from ohmflow.targets.registry import load
from ohmflow.targets.schema.coverage import covers, is_energy_path

LEDGER = Path(__file__).parents[2] / "docs" / "ledger.md"
CLOSE = 1e-12  # relative; the arithmetic is exact, so only the last conversion to float differs
# abs=0 throughout: the default of approx, 1e-12, would let any femtojoule pass


def test_the_table_has_exactly_the_events_of_the_ledger_page() -> None:
    expected = set()
    events = LEDGER.read_text().partition("## Events and their energies")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (\w+) \| ([\w, ]+) \|", events, re.MULTILINE):
        if row[0] not in ("component", "leakage"):
            expected |= {(row[0], event.strip()) for event in row[1].split(",")}
    assert len(expected) == 23
    dram = {("dram", "dram_write_byte"), ("dram", "dram_read_byte")}
    optional = {("adder", "flit_add"), ("link", "flit_package")} | dram
    assert optional <= expected
    expected -= optional
    leaks = {("leakage", kind) for kind in ("tile", "vector", "router", "host")}
    serial = {"tile.read.inputs": "bit-serial", "tile.read.bound_management": "none"}
    adder = {"tile.shift_add.latency": "1", "tile.shift_add.energy": "0.02 pJ", "tile.shift_add.area": "60 um^2"}
    assert set(cost_table(load("protonic-psg", {**serial, **adder}))) == expected | leaks
    assert set(cost_table(load("protonic-psg-hbm2"))) == (
        (expected | leaks | dram | {("leakage", "dram")}) - {("shift_add", "shift_add")}
    )
    assert set(cost_table(load("ideal"))) == (expected | leaks) - {("shift_add", "shift_add")}


@pytest.mark.parametrize(("cells", "picojoules"), [(256, 2.048), (512, 4.096), (1024, 8.192), (4096, 32.768)])
def test_a_full_swing_line_pulse_of_10_v_costs_c_v_squared(cells: int, picojoules: float) -> None:
    # cells * 0.4 um * 0.2 fF/um * (10 V)^2: 2.05, 4.10, 8.19, 32.8 pJ as published estimates have it
    changes = {"tile.crossbar.cols": str(cells), "device.pulse.scheme": "full", "tile.buffer.size": "1 MiB"}
    table = cost_table(load("protonic-psg", changes))
    assert table["driver", "row_pulse"] == pytest.approx(picojoules * 1e-12, rel=CLOSE, abs=0)
    assert table["driver", "col_pulse"] == pytest.approx(4.096e-12, rel=CLOSE, abs=0), (
        "its length is that of the 512 rows"
    )


def test_half_select_costs_a_quarter_a_side() -> None:
    table = cost_table(load("protonic-psg"))
    assert table["driver", "row_pulse"] == pytest.approx(1.024e-12, rel=CLOSE, abs=0)
    assert table["driver", "col_pulse"] == pytest.approx(1.024e-12, rel=CLOSE, abs=0)


def test_an_update_of_a_256_square_costs_what_is_published() -> None:
    # BL 10, half of the slots of 512 lines, and a quarter of 65,536 devices: 5.24 nJ of lines at full swing, 1.31 nJ
    # under half-select, 0.43 nJ of devices (at 2.6 fJ; 0.41 nJ at 2.5 fJ)
    size = {"tile.crossbar.rows": "256", "tile.crossbar.cols": "256"}
    full = cost_table(load("protonic-psg", {**size, "device.pulse.scheme": "full"}))
    half = cost_table(load("protonic-psg", {**size, "device.energy_per_pulse": "2.6 fJ"}))
    pulses = 10 * 0.5 * 256
    lines = [pulses * (table["driver", "row_pulse"] + table["driver", "col_pulse"]) for table in (full, half)]
    assert lines == pytest.approx([5.24e-9, 1.31e-9], rel=2e-3, abs=0)  # published to three digits
    assert 10 * 0.25 * 65_536 * half["device", "coincidence"] == pytest.approx(0.43e-9, rel=1e-2, abs=0)


def test_every_cost_of_a_small_target_by_hand(write) -> None:
    # 64 rows, 32 columns, 0.4 um, 0.2 fF/um: a row line is 2.56 fF, a column line 5.12 fF; clock 1 GHz
    table = cost_table(load(write()))
    assert table == pytest.approx(
        {
            ("driver", "row_pulse"): 2.56e-15 * 1.0**2 / 4,
            ("driver", "col_pulse"): 5.12e-15 * 1.0**2 / 4,
            ("driver", "read_row"): 2.56e-15 * 0.5**2,
            ("driver", "read_col"): 5.12e-15 * 0.5**2,
            ("device", "coincidence"): 40e-18,
            ("device", "half_select"): 10e-18,
            ("array", "read_dose"): 0.5**2 * 80e-9,
            ("dac", "dac_conversion"): 0.3e-12,
            ("adc", "adc_conversion"): 2e-12,
            ("buffer", "buffer_write_byte"): 2e-12,
            ("buffer", "buffer_read_byte"): 1e-12,
            ("vector", "vector_op"): 1e-12,
            ("vector", "vector_special_op"): 6e-12,
            ("scratchpad", "scratchpad_write_byte"): 4e-12,
            ("scratchpad", "scratchpad_read_byte"): 3e-12,
            ("link", "flit_hop"): 5e-12,
            ("link", "flit_local"): 1e-12,
            ("host", "host_byte"): 400e-12,
            ("leakage", "tile"): 1e-3 * 1e-9,
            ("leakage", "vector"): 2e-3 * 1e-9,
            ("leakage", "router"): 3e-3 * 1e-9,
            ("leakage", "host"): 4e-3 * 1e-9,
        },
        rel=CLOSE,
        abs=0,
    )
    assert missing(table) == ()


def test_leakage_is_per_cycle_so_half_the_clock_doubles_it() -> None:
    fast, slow = (cost_table(load("protonic-psg", {"chip.clock": clock})) for clock in ("1 GHz", "500 MHz"))
    assert slow["leakage", "tile"] == pytest.approx(2 * fast["leakage", "tile"], rel=CLOSE, abs=0)
    assert slow["driver", "row_pulse"] == fast["driver", "row_pulse"]


def test_what_is_not_modelled_has_no_price_and_is_named(write, small: str) -> None:
    text = small.replace("[area]", "[area, tile.driver, chip.host.energy]").replace("energy: 400 pJ, ", "")
    table = cost_table(load(write(text)))
    assert table["driver", "row_pulse"] is None
    assert table["host", "host_byte"] is None
    assert missing(table) == (
        "driver.col_pulse",
        "driver.read_col",
        "driver.read_row",
        "driver.row_pulse",
        "host.host_byte",
    )


def test_nothing_is_priced_on_ideal() -> None:
    table = cost_table(load("ideal"))
    assert set(table.values()) == {None}
    assert len(missing(table)) == len(table)


def test_zero_is_a_price_and_not_missing() -> None:
    table = cost_table(load("protonic-psg"))
    assert table["leakage", "host"] == 0.0
    assert missing(table) == ()


def test_every_event_has_a_path_that_not_modelled_understands_as_energy() -> None:
    assert all(is_energy_path(event.path) for event in all_events())
    names = [(event.component, event.name) for event in all_events()]
    assert len(names) == len(set(names))


def test_components_state_latency_and_interval_apart() -> None:
    target, ideal = load("protonic-psg"), load("ideal")
    stated = {c.name: (c.latency(target), c.initiation_interval(target)) for c in COMPONENTS}
    assert stated["adc"] == (4, 4)
    assert stated["vector unit"] == (4, 1)
    assert stated["link"] == (2, 1)
    assert stated["driver"] == (None, None)
    assert {(c.latency(ideal), c.initiation_interval(ideal)) for c in COMPONENTS} == {(None, None)}


def test_a_path_covers_whole_names_only() -> None:
    assert covers(["tile.buffer"], "tile.buffer.read_energy")
    assert covers(["tile.buffer"], "tile.buffer")
    assert not covers(["tile.buf"], "tile.buffer.read_energy")
    assert not covers(["tile.buffer.read_energy"], "tile.buffer")
