"""What a target says of its reads arrives at the crossbar."""

import pytest

from ohmflow.runtime.crossbar.ir_drop import Wires
from ohmflow.runtime.crossbar.spec import Converter, ReadSpec
from ohmflow.runtime.machine.read_spec import read_spec
from tests.runtime.machine.hand_target import hand_target


def test_a_target_that_says_nothing_more_is_read_as_before() -> None:
    assert read_spec(hand_target()) == ReadSpec(7, 9, 12.0, 0.06, "abs-max", "iterative", 5)


def test_every_figure_of_a_read_is_handed_on() -> None:
    target = hand_target(
        device__conductance={"min": "1 uS", "max": "5 uS"},
        tile__crossbar__wire_r="2 ohm/um",
        tile__crossbar__pitch="0.5 um",
        tile__dac__rounding="stochastic",
        tile__dac__gain_dtod=0.01,
        tile__dac__offset_dtod=0.02,
        tile__adc__bound_low=3,
        tile__adc__gain_dtod=0.03,
        tile__read__noise_management="constant",
        tile__read__input_scale=1.5,
        tile__read__noise_management_backward="average-abs-max",
        tile__read__scale_decay=0.2,
        tile__read__voltage="0.2 V",
        tile__read__temperature="300 K",
        tile__read__flicker=0.05,
        tile__read__negative_gain=0.98,
        tile__read__ir_drop="fast",
    )
    spec = read_spec(target)
    assert spec is not None
    assert spec.dac == Converter("stochastic", 0.01, 0.02)
    assert spec.adc == Converter("nearest", 0.03, 0.0)
    assert (spec.out_bound, spec.low) == (12.0, 3.0)
    assert spec.management(False) == ("constant", 1.5)
    assert spec.management(True) == ("average-abs-max", None)
    assert (spec.scale_decay, spec.flicker, spec.negative_gain) == (0.2, 0.05, 0.98)
    # 2·k·T/(t·V²) with k = 1.380649e-23 J/K and t = 10 ns.
    assert spec.thermal == pytest.approx(2 * 1.380649e-23 * 300 / (10e-9 * 0.04))
    assert (spec.ir_drop, spec.wires) == ("fast", Wires(1.0, 1.0))


def test_bit_serial_inputs_arrive() -> None:
    target = hand_target(
        tile__read__inputs="bit-serial",
        tile__read__bound_management="none",
        tile__shift_add={"latency": 1},
    )
    spec = read_spec(target)
    assert spec is not None and (spec.inputs, spec.accumulate, spec.passes) == ("bit-serial", "digital", 6)


def test_a_tile_without_converters_is_read_exactly() -> None:
    assert read_spec(hand_target(device="ideal", tile__dac=None, tile__adc=None)) is None
