import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmflow.targets import timing
from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.registry import load


@pytest.fixture(scope="module")
def rpu():
    return load("rpu-2016")


@pytest.fixture(scope="module")
def protonic():
    return load("protonic-psg")


def test_integration_and_set_up_make_the_array_cycles(rpu, protonic) -> None:
    assert timing.read_cycles(rpu) == 2 + 80
    assert timing.read_cycles(protonic) == 2 + 40


def test_16_lines_at_200_ms_s_are_converted_in_80_cycles_of_1_ns(rpu) -> None:
    assert timing.converters(rpu, "cols") == 256
    assert timing.conversion_interval(rpu) == 5
    assert timing.conversion_cycles(rpu, 4096, "cols") == 80
    assert timing.conversion_cycles(rpu, 4096, "rows") == 80


@pytest.mark.parametrize(("lines", "cycles"), [(1, 4), (64, 4), (65, 8), (128, 8), (511, 32), (512, 32)])
def test_a_block_of_few_lines_spreads_over_all_converters(protonic, lines: int, cycles: int) -> None:
    # 512 lines, 8 to a converter: 64 converters, 4 cycles a conversion
    assert timing.conversion_cycles(protonic, lines, "cols") == cycles


def test_sides_of_a_tile_that_is_not_square_differ(write) -> None:
    target = load(write())  # 64 rows, 32 columns, 16 lines a converter, 5 cycles a conversion
    assert timing.converters(target, "rows") == 4
    assert timing.converters(target, "cols") == 2
    assert timing.conversion_cycles(target, 32, "rows") == 8 * 5
    assert timing.conversion_cycles(target, 32, "cols") == 16 * 5


def test_converters_that_do_not_divide_the_lines_are_rounded_up(write) -> None:
    target = load(write(), {"tile.adc.shared_by": "24"})
    assert timing.converters(target, "cols") == 2
    assert timing.converters(target, "rows") == 3


def test_a_transposed_read_has_its_bank_where_there_are_two(write, protonic) -> None:
    assert timing.converter_bank(protonic, transposed=False) == 0
    assert timing.converter_bank(protonic, transposed=True) == 1
    one = load(write(), {"tile.adc.banks": "1"})
    assert timing.converter_bank(one, transposed=True) == 0
    assert timing.converter_latency(one) == 4


@pytest.mark.parametrize(
    ("width", "gap", "clock", "cycles"),
    [
        ("5 ns", "0 ns", "1 GHz", 5),
        ("5 ns", "1 ns", "1 GHz", 6),
        ("4.2 ns", "0.9 ns", "1 GHz", 6),  # rounded up once, not each: 5.1 ns
        ("5 ns", "0 ns", "300 MHz", 2),
        ("0.1 ns", "0.2 ns", "10 GHz", 3),  # in floats 0.1 + 0.2 > 0.3
    ],
)
def test_a_pulse_takes_width_and_gap_rounded_up_together(write, width: str, gap: str, clock: str, cycles: int) -> None:
    changes = {"device.pulse.width": width, "device.pulse.gap": gap, "chip.clock": clock}
    assert timing.pulse_cycles(load(write(), changes)) == cycles


def test_both_signs_share_one_pass(protonic) -> None:
    assert timing.pulse_cycles(protonic) == 5
    assert 31 * timing.pulse_cycles(protonic) == 155  # ns of the longest train, as published for 5 ns and BL 31


@given(st.integers(1, 10**7), st.integers(1, 10**4))
def test_whole_cycles_stay_whole(rpu, picoseconds: int, megahertz: int) -> None:
    target = rpu.model_copy(update={"chip": rpu.chip.model_copy(update={"clock": _clock(rpu, megahertz)})})
    cycles = timing.cycles(target, Quantity.parse(f"{picoseconds} ps"))
    assert cycles == -(-picoseconds * megahertz // 10**6)


def _clock(target, megahertz: int):
    return type(target.chip.clock)(Quantity.parse(f"{megahertz} MHz"))


def test_only_a_time_takes_cycles(rpu) -> None:
    with pytest.raises(QuantityError):
        timing.cycles(rpu, Quantity.parse("1 V"))


SERIAL = {
    "tile.read.inputs": "bit-serial",
    "tile.read.bound_management": "none",
    "tile.shift_add.latency": "3",
    "tile.shift_add.energy": "0.02 pJ",
    "tile.shift_add.area": "60 um^2",
}


def test_a_bit_serial_read_has_a_pass_for_each_bit_of_a_magnitude(write) -> None:
    target = load(write(), SERIAL)  # 7 bits: sign and 6
    assert timing.passes(target) == timing.conversions_per_read(target) == 6
    assert timing.passes(load(write())) == 1


def test_passes_are_driven_while_the_ones_before_are_converted(write) -> None:
    # A = 2 + 80; 16 columns in turn at 5 cycles each: C = 80; L = 4 + 3 of the adder
    target = load(write(), SERIAL)
    assert timing.read_cycles(target) == 82
    assert timing.later_passes_cycles(target, 32, "cols") == 5 * 82
    assert timing.read_latency(target, 32, "cols") == 82 + 5 * 82 + 80 + 7
    assert timing.read_interval(target, 32, "cols") == 6 * 82


def test_passes_take_turns_with_conversions_without_sample_and_hold(write) -> None:
    target = load(write(), {**SERIAL, "tile.read.double_buffered": "false"})
    assert timing.later_passes_cycles(target, 32, "cols") == 5 * (82 + 80 + 7)
    assert timing.read_interval(target, 32, "cols") == timing.read_latency(target, 32, "cols") == 6 * 169


def test_charges_of_passes_that_add_up_are_converted_once(write) -> None:
    target = load(write(), {"tile.read.inputs": "bit-serial", "tile.read.accumulate": "analog"})
    assert timing.read_cycles(target) == 6 * 82
    assert timing.later_passes_cycles(target, 32, "cols") == 0
    assert not timing.adds_passes(target)
    assert timing.converter_latency(target) == 4


def test_signs_in_turn_integrate_twice(write) -> None:
    target = load(write(), {"tile.read.inputs": "pulse-width", "tile.read.signs": "in-turn"})
    assert timing.read_cycles(target) == 2 + 2 * 80


def test_a_verifying_read_is_one_pass(write) -> None:
    assert timing.verify_cycles(load(write(), SERIAL), 32) == 82 + 80 + 4


def test_codes_of_passes_need_an_adder(problems) -> None:
    change = {"max_retries: 4}": "max_retries: 4, inputs: bit-serial}", "management: iterative": "management: none"}
    (said,) = problems(change)
    assert "tile.shift_add must be given" in said and "accumulate: analog" in said
