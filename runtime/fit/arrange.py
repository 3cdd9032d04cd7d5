"""From columns of a table to trains: sort, average repeated reads, say where a train begins."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.trains import Floats, Trains, Whole

_MOST_MISSING = 50
"""Pulses in a row without a read over which the filter still predicts; after more a train begins anew."""


def arrange(
    device: Whole,
    names: tuple[str, ...],
    cycle: Whole,
    pulse: Whole,
    up: Whole,
    conductance: Floats,
    resolution: float,
    width: Floats | None = None,
    amplitude: Floats | None = None,
) -> Trains:
    """Sort reads and say what was done between them.

    Args:
        device: [rows] number of the device.
        names: of the devices.
        cycle: [rows] number of the cycle.
        pulse: [rows] pulses of the train so far; 0 is a read before the first.
        up: [rows] 1 for a train up, 0 for one down.
        conductance: [rows] siemens.
        resolution: least difference that the numbers can show, siemens.
        width: [rows] of the pulse before the read, s; None if not told.
        amplitude: [rows] of that pulse, V, without sign; None if not told.

    Returns:
        Trains. A new one begins with each cycle, at a pulse 0, where more than 50 pulses in a row are missing, and
        where it can not be known in which direction missing pulses were.
    """
    turn = _turns(device, cycle, pulse, up)
    order = np.lexsort((np.arange(pulse.size), pulse, turn, cycle, device))
    device, cycle, pulse, up, turn = (a[order] for a in (device, cycle, pulse, up, turn))
    g = conductance[order]
    same = np.zeros(pulse.size, bool)
    same[1:] = (
        (np.diff(device) == 0)
        & (np.diff(cycle) == 0)
        & (np.diff(turn) == 0)
        & (np.diff(pulse) == 0)
        & (np.diff(up) == 0)
    )
    group = np.cumsum(~same) - 1
    count = np.bincount(group)
    mean = np.bincount(group, g) / count
    squares = float(((g - mean[group]) ** 2).sum())
    spare = int((count - 1).sum())
    head = np.flatnonzero(~same)
    device, cycle, pulse, up, turn = (a[head] for a in (device, cycle, pulse, up, turn))
    top, bottom = float(mean.max()), float(mean.min())
    centre, half = (top + bottom) / 2.0, (top - bottom) / 2.0 or 1.0
    read = _read_error(squares, spare)
    known = np.zeros(count.size) if read is None else (read[0] / half) ** 2 / count
    first = np.searchsorted(device, np.arange(len(names) + 1)).astype(np.int64)
    pulses = _pulses(device, cycle, turn, pulse, up)
    y = (mean - centre) / half
    drive, usual = _drive(width, amplitude, order[head], pulses)
    return Trains(y, pulses, up, known, first, cycle, names, centre, half, resolution, drive, read, usual)


def _drive(
    width: Floats | None, amplitude: Floats | None, order: Whole, pulses: Whole
) -> tuple[Floats, tuple[float, float]]:
    """Each read's pulse relative to the usual one, and the width and amplitude of that."""
    drive = np.zeros((order.size, 2))
    drive[:, 1] = 1.0
    usual = [float("nan"), float("nan")]
    for k, column in enumerate((width, amplitude)):
        if column is None:
            continue
        seen = column[order]
        values, count = np.unique(seen[pulses > 0], return_counts=True)
        usual[k] = float(values[np.argmax(count)])
        relative = np.where(pulses > 0, seen, usual[k]) / usual[k]
        drive[:, k] = np.log(relative) if k == 0 else relative
    return drive, (usual[0], usual[1])


def _turns(device: Whole, cycle: Whole, pulse: Whole, up: Whole) -> Whole:
    """Which train of its cycle a row belongs to, where numbers of pulses begin anew with each direction; else 0."""
    key = device * (int(cycle.max()) + 1) + cycle
    _, key = np.unique(key, return_inverse=True)
    cycles = int(key.max()) + 1
    # Numbering runs through if no pulse of a cycle is in both directions.
    seen = np.unique(np.stack([key, pulse, up]), axis=1)
    twice = np.zeros(cycles, bool)
    again = (np.diff(seen[0]) == 0) & (np.diff(seen[1]) == 0)
    twice[seen[0][1:][again]] = True
    begins = np.full((cycles, 2), pulse.size)
    np.minimum.at(begins, (key, up), np.arange(pulse.size))
    later = begins[:, 1] > begins[:, 0]  # up comes after down in the file
    turn = np.where(up == 1, later[key], ~later[key]).astype(np.int64)
    return np.where(twice[key], turn, 0)


def _pulses(device: Whole, cycle: Whole, turn: Whole, pulse: Whole, up: Whole) -> Whole:
    done = np.empty(pulse.size, np.int64)
    done[0] = -1
    fresh = (np.diff(device) != 0) | (np.diff(cycle) != 0)
    turned = np.diff(turn) != 0
    done[1:] = np.where(turned, pulse[1:], np.diff(pulse))
    other_way = (np.diff(up) != 0) & ~turned
    unclear = other_way & (done[1:] > 1)
    anew = fresh | unclear | (done[1:] > _MOST_MISSING) | (pulse[1:] == 0)
    done[1:][anew] = -1
    return done


def _read_error(squares: float, spare: int) -> tuple[float, float, float] | None:
    if spare < 10:
        return None
    from scipy.stats import chi2

    low, high = (float(np.sqrt(squares / chi2.ppf(p, spare))) for p in (0.975, 0.025))
    return float(np.sqrt(squares / spare)), low, high


def tell_apart(values: npt.NDArray[np.str_]) -> tuple[Whole, tuple[str, ...]]:
    """Number names in the order of their first appearance."""
    names, at, number = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(names.size, np.int64)
    rank[np.argsort(at)] = np.arange(names.size)
    return rank[number], tuple(str(n) for n in names[np.argsort(at)])
