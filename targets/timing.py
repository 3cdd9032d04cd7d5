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

SIGN_PHASES = {"stochastic-compressed": 1, "stochastic": 2, "deterministic-implicit": 1, "mean-count": 1}
"""Passes of the pulse train by update scheme; only `stochastic` has one for each sign of the product."""


def cycles(target: Target, time: Quantity) -> int:
    """⌈time · clock⌉, the cycles that a time takes.

    Args:
        target: with a chip, whose clock counts.
        time: s.

    Raises:
        QuantityError: `time` is not a time.
    """
    return ceiling(time * _chip(target).clock.value)


def passes(target: Target) -> int:
    """P: how often a read drives the lines: once for each bit of a magnitude where inputs are bit-serial, else once."""
    dac = target.tile.dac
    return dac.bits - 1 if target.tile.read.inputs == "bit-serial" and dac is not None else 1


def conversions_per_read(target: Target) -> int:
    """How often a read converts a line: after each pass, or once where charges add up before they are converted."""
    return passes(target) if target.tile.read.accumulate == "digital" else 1


def adds_passes(target: Target) -> bool:
    """Whether the codes of several passes are shifted and added."""
    return conversions_per_read(target) > 1


def pass_cycles(target: Target) -> int:
    """Cycles in which one pass drives and integrates, set-up included; both signs where they take turns."""
    read = target.tile.read
    assert read.integration is not None, "checked on loading: a target with time has it"
    turns = 2 if read.signs == "in-turn" else 1
    return read.setup + turns * cycles(target, read.integration.value)


def read_cycles(target: Target) -> int:
    """A: cycles in which a read drives and integrates before its first conversion."""
    return pass_cycles(target) * (passes(target) // conversions_per_read(target))


def later_passes_cycles(target: Target, lines: int, side: Side) -> int:
    """H: cycles from the conversion of a read's first pass to that of its last; 0 where it is converted once.

    Args:
        target: with a chip and converters.
        lines: lines of the block on the side that is converted, at least 1.
        side: `cols` for a forward read, `rows` for a transposed one.
    """
    drive, convert = pass_cycles(target), conversion_cycles(target, lines, side)
    if target.tile.read.double_buffered:  # the next pass is driven while this one is converted
        each = max(drive, convert)
    else:
        each = drive + convert + converter_latency(target)
    return (conversions_per_read(target) - 1) * each


def read_latency(target: Target, lines: int, side: Side) -> int:
    """A + H + C + L: cycles from a read's start to its last code, when it need not wait for its bank."""
    convert = conversion_cycles(target, lines, side)
    later = later_passes_cycles(target, lines, side)
    return read_cycles(target) + later + convert + converter_latency(target)


def read_interval(target: Target, lines: int, side: Side) -> int:
    """Cycles from one read of a block to the next."""
    if not target.tile.read.double_buffered:
        return read_latency(target, lines, side)
    later = later_passes_cycles(target, lines, side)
    return later + max(read_cycles(target), conversion_cycles(target, lines, side))


def verify_cycles(target: Target, cols: int) -> int:
    """Cycles of the read that verifies a row of a block: one pass, since one full input has no bits to take in turn."""
    return pass_cycles(target) + conversion_cycles(target, cols, "cols") + _adc(target).latency


def converters(target: Target, side: Side) -> int:
    """Converters on one side of a tile: ⌈lines / shared_by⌉, the currents of a cell's columns being joined before."""
    crossbar = target.tile.crossbar
    return _ceil_div(crossbar.weight_cols if side == "cols" else crossbar.rows, _adc(target).shared_by)


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
    """L: cycles from the end of the last conversion to its code, shift-and-add included where a read has passes."""
    adder = target.tile.shift_add
    return _adc(target).latency + (adder.latency if adder is not None and adds_passes(target) else 0)


def converter_bank(target: Target, transposed: bool) -> int:
    """The converter bank that a read uses: 1 for a transposed read where there are two, else 0."""
    return 1 if transposed and _adc(target).banks == 2 else 0


def slot_cycles(target: Target) -> int:
    """⌈(width + gap) · clock⌉: cycles of one pulse and its gap; 0 on a device without pulses."""
    pulse = target.device.pulse
    return 0 if pulse is None else cycles(target, pulse.width.value + pulse.gap.value)


def pulse_cycles(target: Target, scheme: str | None = None) -> int:
    """⌈(width + gap) · clock⌉ × sign phases: cycles of one slot of a pulse train; 0 on a device without pulses.

    Args:
        target: with a chip.
        scheme: of the update; None for that of the target.
    """
    return slot_cycles(target) * SIGN_PHASES[scheme or target.tile.update.scheme]


def dram_access(target: Target, size: int) -> tuple[int, int]:
    """Cycles of one access to a channel of DRAM: those in which it is busy with it, and those until it is done.

    Args:
        target: with DRAM.
        size: bytes, at least 1; the access is rounded up to whole bursts.

    Returns:
        Occupancy ⌈bytes / bandwidth · clock⌉ and latency, which is ⌈latency · clock⌉ more.
    """
    dram = _chip(target).dram
    assert dram is not None, "only a target with DRAM has accesses to it"
    data = Quantity.parse("1 B") * dram_bytes(target, size)
    busy = ceiling(data / dram.bandwidth.value * _chip(target).clock.value)
    return busy, busy + cycles(target, dram.latency.value)


def dram_bytes(target: Target, size: int) -> int:
    """Bytes that an access of `size` bytes moves: whole bursts."""
    dram = _chip(target).dram
    assert dram is not None, "only a target with DRAM has accesses to it"
    return _ceil_div(size, dram.burst_bytes) * dram.burst_bytes


def _chip(target: Target) -> Chip:
    assert target.chip is not None, "checked on loading: a target with time has a chip"
    return target.chip


def _adc(target: Target) -> Adc:
    assert target.tile.adc is not None, "checked on loading: a target with time has converters"
    return target.tile.adc


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
