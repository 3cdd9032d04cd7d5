"""Measurements of known devices, made on the machine's own crossbar arrays: a column of devices, pulsed and read.

Nothing here knows how devices are fitted. With trains of one slot, no management and a rate of dw_min, each vector is
one pulse on every device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.protonic import Protonic

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What is measured, and how.

    Attributes:
        devices: how many.
        cycles: trains up and down of each.
        pulses_up: of a train up.
        pulses_down: of a train down.
        window: conductances at the nominal w_min and w_max, siemens.
        read_error: standard deviation of a read, siemens.
        repeats: reads after each pulse.
        seed: of devices, pulses and reads.
        drives: width (s) and amplitude (V) of the pulses of each cycle, for a device of which the step depends on both;
            none for the pulses that it gets anyway.
    """

    devices: int = 20
    cycles: int = 2
    pulses_up: int = 100
    pulses_down: int = 100
    window: tuple[float, float] = (1e-7, 1.1e-6)
    read_error: float = 0.0
    repeats: int = 1
    seed: int = 0
    drives: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Measurement:
    """Columns of a table of pulse trains, a row a read.

    Attributes:
        device: number of the device.
        cycle: number of the cycle.
        pulse: pulses of the train so far; 0 is the read before the first.
        direction: +1 up, −1 down, of the train.
        conductance: siemens.
        drive: [reads, 2] width (s) and amplitude (V) of the pulse before the read; None if all are alike.
    """

    device: Whole
    cycle: Whole
    pulse: Whole
    direction: Whole
    conductance: Floats
    drive: Floats | None = None


def weights_along(
    device: Device, devices: int, signs: Whole, seed: int, drives: Sequence[tuple[float, float]] = ()
) -> Floats:
    """Pulse a column of devices from their lower bounds.

    Args:
        device: the model.
        devices: how many of it.
        signs: [pulses] +1 up, −1 down.
        seed: of devices and pulses.
        drives: width (s) and amplitude (V) of each of as many equal parts of the pulses; none if all are alike.

    Returns:
        [pulses + 1, devices] weights as reads see them, before the first pulse and after each.
    """
    update = UpdateSpec(1, update_management=False, train_length_management=False)
    blocks = (Block(0, 0, devices, 1),)
    # Draws of devices depend on the seed and the array alone: these are the same devices under other pulses.
    pulsed = [device.under(*drive) for drive in drives] if isinstance(device, Protonic) and drives else [device]
    seen = np.empty((signs.size + 1, devices))
    x = np.ones((1, devices), np.float32)
    part = -(-signs.size // len(pulsed))
    start = None
    for at, now in enumerate(pulsed):
        array = CrossbarArray("devices", 0, devices, 1, 1.0, now, blocks, None, update, None, seed)
        array.program(array.device.bounds(array.planes)[0] if start is None else start)
        seen[at * part] = array.w[:, 0]
        for k in range(at * part, min((at + 1) * part, signs.size)):
            # W moves by −lr·x·d.
            array.update(x, np.array([[-signs[k]]], np.float32), now.dw_min, DrawSite(Purpose.UPDATE, 0, k))
            seen[k + 1] = array.w[:, 0]
        start = array.w.copy()
    return seen


def synthesise(device: Device, plan: Plan) -> Measurement:
    """Measure devices.

    Args:
        device: the model, pulsed.
        plan: how.

    Returns:
        Reads of each cycle: one before the first pulse, then after each pulse of a train up and of one down.
    """
    way = np.concatenate([np.full(plan.pulses_up, 1), np.full(plan.pulses_down, -1)])
    w = weights_along(device, plan.devices, np.tile(way, plan.cycles), plan.seed, plan.drives)
    w_min, w_max = device.nominal_bounds
    g_min, g_max = plan.window
    g = g_min + (w - w_min) / (w_max - w_min) * (g_max - g_min)
    per = way.size
    take = (np.arange(plan.cycles)[:, None] * per + np.arange(per + 1)).ravel()
    pulse = np.concatenate([[0], np.arange(1, plan.pulses_up + 1), np.arange(1, plan.pulses_down + 1)])
    direction = np.concatenate([[1], way])
    rows = np.repeat(g[take], plan.repeats, axis=0)
    noise = np.random.default_rng([plan.seed, 0xF17]).standard_normal(rows.shape)
    rows = rows + plan.read_error * noise
    n = plan.devices

    def column(of_a_cycle: Whole) -> Whole:
        return np.tile(np.repeat(np.tile(of_a_cycle, plan.cycles), plan.repeats), n)

    cycle = np.repeat(np.repeat(np.arange(plan.cycles), per + 1), plan.repeats)
    drive = None
    if plan.drives:
        each = np.array(plan.drives)[np.arange(plan.cycles) * len(plan.drives) // plan.cycles]
        drive = np.tile(np.repeat(each, (per + 1) * plan.repeats, axis=0), (n, 1))
    return Measurement(
        np.repeat(np.arange(n), len(rows)),
        np.tile(cycle, n),
        column(pulse),
        column(direction),
        rows.T.ravel(),
        drive,
    )
