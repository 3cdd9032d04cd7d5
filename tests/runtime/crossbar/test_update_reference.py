"""The pulsed update beside a second one, in plain Python integers and floats, written from `docs/semantics.md`."""

from math import ceil, sqrt

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import NORMAL_NODES, Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec

MASK = 2**64 - 1
G = 0x9E3779B97F4A7C15


def mix(z):
    z ^= z >> 30
    z = z * 0xBF58476D1CE4E5B9 & MASK
    z ^= z >> 27
    z = z * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def key(*fields):
    h = 0
    for position, field in enumerate(fields):
        h = mix(h ^ ((field + G * (position + 1)) & MASK))
    return h


def draw(vector_key, kind, row, column, ordinal):
    index = (kind << 62) + (row << 34) + (column << 6) + ordinal
    return mix((vector_key + G * (1 + index)) & MASK)


def slot_uniforms(vector_key, kind, line, length):
    """The 32-bit uniform of each slot: binary digit b of slot t is bit t of the draw with ordinal b."""
    place = (line, 0) if kind == 0 else (0, line)
    digits = [draw(vector_key, kind, *place, b) for b in range(32)]
    return [sum(((digits[b] >> t) & 1) << (31 - b) for b in range(32)) for t in range(length)]


def fires(vector_key, kind, values, gain, length):
    """Whether each line fires in each slot, [lines, slots]."""
    fired = np.zeros((len(values), length), bool)
    for line, value in enumerate(values):
        if value != 0:
            limit = int(min(gain * float(abs(value)), 1.0) * 2**32)
            fired[line] = [u < limit for u in slot_uniforms(vector_key, kind, line, length)]
    return fired


def update(x, d, rate, dw_min, spec, vector_key):
    """Pulses of one vector pair: length, row trains, column trains."""
    largest_x, largest_d = float(np.abs(x).max()), float(np.abs(d).max())
    wanted = rate * largest_x * largest_d / dw_min
    if wanted == 0:
        return 0, np.zeros((len(x), 0), bool), np.zeros((len(d), 0), bool)
    length = min(ceil(wanted), spec.train_length) if spec.train_length_management else spec.train_length
    gain = sqrt(rate / (length * dw_min))
    balance = sqrt(largest_d / largest_x) if spec.update_management else 1.0
    rows = fires(vector_key, 0, x, gain * balance, length)
    cols = fires(vector_key, 1, d, gain / balance, length)
    return length, rows, cols


@pytest.mark.parametrize("update_management", [True, False])
@pytest.mark.parametrize("train_length_management", [True, False])
@pytest.mark.parametrize("rate", [0.002, 0.05, 3.0])
def test_pulse_counts_equal_the_plain_reference(make_array, pairs, rate, update_management, train_length_management):
    rows, cols, n, step = 9, 13, 6, 2.0**-10
    spec = UpdateSpec(17, update_management, train_length_management)
    blocks = (Block(0, 0, 4, 13), Block(4, 0, 5, 6), Block(4, 6, 5, 7))
    array = make_array(
        rows, cols, steps={"dw_min": step, "w_max": 8, "w_min": -8}, update=spec, blocks=blocks, alpha=2.0
    )
    x, d = pairs(n, rows, cols)
    x[4] = 0
    counts = array.update(x, d, 2.0 * rate, DrawSite(Purpose.UPDATE, 2, 77, 1, 40))

    moved = np.zeros((rows, cols))
    expected = np.zeros((3, len(blocks)), int)
    lengths, clipped, lost = [], 0, 0
    for i in range(n):
        vector_key = key(11, Purpose.UPDATE, 3, 2, 77, 40 + i, 1, 0)
        length, row_fires, col_fires = update(x[i], d[i], rate, step, spec, vector_key)
        together = row_fires.astype(int) @ col_fires.T.astype(int)
        moved -= together * np.sign(np.outer(x[i], d[i])) * step
        for b, block in enumerate(blocks):
            r, c = slice(block.row0, block.row0 + block.rows), slice(block.col0, block.col0 + block.cols)
            expected[:, b] += row_fires[r].sum(), col_fires[c].sum(), together[r, c].sum()
        lengths.append(length)
        largest = float(np.abs(x[i]).max()) * float(np.abs(d[i]).max())
        clipped += rate * largest / step > spec.train_length
        lost += largest > 0 and together.sum() == 0
    assert counts.train_length.tolist() == lengths
    assert counts.row_pulses.tolist() == expected[0].tolist()
    assert counts.col_pulses.tolist() == expected[1].tolist()
    assert counts.coincidences.tolist() == expected[2].tolist()
    assert (counts.clipped, counts.lost, counts.vectors) == (clipped, lost, n)
    # Steps of 2^-10 add exactly in float32, so the weights hold the pulses of every device.
    assert np.array_equal(array.w, moved.astype(np.float32))


def test_noisy_steps_equal_the_plain_reference(make_array):
    step, noise = 0.01, 0.3
    array = make_array(1, 1, steps={"dw_min": step, "dw_min_ctoc": noise, "w_max": 10, "w_min": -10})
    x = d = np.ones((1, 1), np.float32)
    array.update(x, d, 5 * step * (1 - 1e-9), DrawSite(Purpose.UPDATE, 0, 4))
    h = draw(key(11, Purpose.UPDATE, 3, 0, 4, 0, 0, 0), 2, 0, 0, 0)
    cell, fraction = h >> 52, ((h >> 28) & 0xFFFFFF) / 2**24
    xi = NORMAL_NODES[cell] + fraction * (NORMAL_NODES[cell + 1] - NORMAL_NODES[cell])
    assert array.w[0, 0] == pytest.approx(-step * (5 + noise * sqrt(5) * xi), rel=1e-6)
