"""Integer cycles of a target's actions, as `docs/microarchitecture.md` derives them.

All arithmetic is exact: 80 ns at 1 GHz are 80 cycles, never 81.
"""

from typing import Literal

from ohmflow.targets.quantity import Quantity, ceiling
from ohmflow.targets.schema.chip import Chip
from ohmflow.targets.schema.reading import Adc
from ohmflow.targets.schema.target import Target

Side = Literal["cols", "rows"]
"""Which lines are converted: `cols` in a forward read, `rows` in a transposed one."""

SIGN_PHASES = {"stochastic-compressed": 1}
"""Passes of the pulse train by update scheme; `stochastic-compressed` does both signs in one."""


def cycles(target: Target, time: Quantity) -> int:
    """⌈time · clock⌉, the cycles that a time takes.

    Args:
        target: with a chip, whose clock counts.
        time: s.

    Raises:
        QuantityError: `time` is not a time.
    """
    return ceiling(time * _chip(target).clock.value)


def read_cycles(target: Target) -> int:
    """A: cycles in which a read drives and integrates, set-up included."""
    read = target.tile.read
    assert read.integration is not None, "checked on loading: a target with time has it"
    return read.setup + cycles(target, read.integration.value)


def converters(target: Target, side: Side) -> int:
    """Converters on one side of a tile: ⌈physical lines / shared_by⌉."""
    crossbar = target.tile.crossbar
    return _ceil_div(crossbar.cols if side == "cols" else crossbar.rows, _adc(target).shared_by)


def conversion_interval(target: Target) -> int:
    """⌈clock / rate⌉: cycles from one conversion of a converter to its next."""
    rate = _adc(target).rate
    assert rate is not None, "checked on loading: a target with time has it"
    return ceiling(_chip(target).clock.value / rate.value)


def conversion_cycles(target: Target, lines: int, side: Side) -> int:
    """C: cycles in which the lines of a block are converted, those that share a converter in turn.

    Args:
        target: with a chip and converters.
        lines: lines of the block on that side, at least 1.
        side: `cols` for a forward read, `rows` for a transposed one.
    """
    return _ceil_div(lines, converters(target, side)) * conversion_interval(target)


def converter_latency(target: Target) -> int:
    """L: cycles from the end of the last conversion to its code."""
    return _adc(target).latency


def converter_bank(target: Target, transposed: bool) -> int:
    """The converter bank that a read uses: 1 for a transposed read where there are two, else 0."""
    return 1 if transposed and _adc(target).banks == 2 else 0


def pulse_cycles(target: Target) -> int:
    """⌈(width + gap) · clock⌉ × sign phases: cycles of one slot of a pulse train; 0 on a device without pulses."""
    pulse = target.device.pulse
    if pulse is None:
        return 0
    return cycles(target, pulse.width.value + pulse.gap.value) * SIGN_PHASES[target.tile.update.scheme]


def _chip(target: Target) -> Chip:
    assert target.chip is not None, "checked on loading: a target with time has a chip"
    return target.chip


def _adc(target: Target) -> Adc:
    assert target.tile.adc is not None, "checked on loading: a target with time has converters"
    return target.tile.adc


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
