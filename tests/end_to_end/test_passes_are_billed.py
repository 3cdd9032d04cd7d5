"""What reads in passes take and cost, on the hand-checkable chip of `test_counts_are_real.py`."""

import pytest

from tests.end_to_end.test_counts_are_real import G0, of, one_step, zeros

SERIAL = {
    "tile__read__inputs": "bit-serial",
    "tile__read__bound_management": "none",
    "tile__shift_add__latency": "3",
    "tile__shift_add__energy": "0.02 pJ",
    "tile__shift_add__area": "60 um^2",
}
PASSES = 6  # 7 bit: a sign and six


def test_every_pass_drives_converts_and_adds() -> None:
    machine, _ = zeros(**SERIAL)
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "forward")
    assert counted["read_row"] == counted["dac_conversion"] == PASSES * 2, "a full input has all bits"
    assert counted["adc_conversion"] == counted["shift_add"] == PASSES * 2
    assert counted["read_dose"] == pytest.approx(PASSES * 2 * 2 * (G0 + G0), rel=1e-6)
    assert counted["buffer_read_byte"] == 3 * 2, "registers of the lines keep the vector"


def test_passes_that_add_up_as_charge_are_converted_once() -> None:
    machine, _ = zeros(tile__read__inputs="bit-serial", tile__read__accumulate="analog")
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "forward")
    assert counted["read_row"] == PASSES * 2
    assert counted["adc_conversion"] == 2
    assert "shift_add" not in counted


def test_a_step_is_longer_by_the_later_passes_and_the_adder() -> None:
    cycles = {}
    for name, change in {
        "one pass": {"tile__read__bound_management": "none"},
        "bit-serial": SERIAL,
        "analog": {"tile__read__inputs": "bit-serial", "tile__read__accumulate": "analog"},
        "signs in turn": {"tile__read__inputs": "pulse-width", "tile__read__signs": "in-turn"},
    }.items():
        machine, _ = zeros(**change)
        before = machine.book.cycles
        one_step(machine, [1, 0, 1], 1)
        cycles[name] = machine.book.cycles - before
    # One read, of 82 cycles before its conversion of 5.
    assert cycles["bit-serial"] - cycles["one pass"] == (PASSES - 1) * 82 + 3
    assert cycles["analog"] - cycles["one pass"] == (PASSES - 1) * 82
    assert cycles["signs in turn"] - cycles["one pass"] == 80
