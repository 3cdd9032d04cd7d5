"""What a cell of several devices costs, on the hand-checkable chip of `test_counts_are_real.py`."""

import pytest

from tests.end_to_end.test_counts_are_real import G0, LR, STEP, of, one_step, zeros

EACH = 8.93e-9, 71.4e-9
"""Conductances of one device at w = -0.5 and w = 0.5, siemens."""


def test_pulses_of_a_pair_fire_on_both_of_its_columns() -> None:
    machine, _ = zeros(tile__crossbar__cell="differential-pair")
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "update")
    # A pair reaches ±1, so α = 1, and steps by 2·2⁻¹⁰: (lr/α)·X·D/step = 8·2⁻¹⁰·2·½ / 2·2⁻¹⁰ = 4 slots again.
    assert LR == 16 * STEP
    slots = 4
    assert counted["row_pulse"] == slots * 2
    assert counted["col_pulse"] == slots * 2 * 2
    assert counted["coincidence"] == slots * 4 * 2
    assert counted["half_select"] == 8 * 4096 + 16 * 4096 - 2 * 32


def test_devices_of_a_pair_that_take_turns_are_pulsed_on_one_column() -> None:
    machine, _ = zeros(tile__crossbar__cell="differential-pair", tile__crossbar__cell_pulses="in-turn")
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "update")
    assert counted["row_pulse"] == counted["col_pulse"] == 8 * 2
    assert counted["coincidence"] == 8 * 4


@pytest.mark.parametrize(
    ("cell", "devices"),
    [
        ({"tile__crossbar__cell": "differential-pair"}, 2),
        ({"tile__crossbar__cell": "multi-device", "tile__crossbar__cell_devices": "3"}, 6),
    ],
)
def test_every_device_of_a_cell_and_every_reference_conducts(cell: dict[str, str], devices: int) -> None:
    machine, _ = zeros(**cell)
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "forward")
    assert counted["read_row"] == counted["dac_conversion"] == 2
    assert counted["adc_conversion"] == 2, "the currents of a cell's columns are joined before they are converted"
    assert counted["read_dose"] == pytest.approx(2 * 2 * devices * G0, rel=1e-6)
