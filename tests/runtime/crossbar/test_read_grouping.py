"""A vector's read does not depend on the vectors that are read with it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.ir_drop import Wires
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, Converter, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 5)
STOCHASTIC = Converter("stochastic", 0.05, 0.02)
SPECS = {
    "noise and retries": ReadSpec(7, 9, 1.5, 0.06, max_retries=4),
    "no rounding": ReadSpec(None, None, bound_management="none"),
    "all that differs": ReadSpec(
        5, 7, 2.0, 0.05, dac=STOCHASTIC, adc=STOCHASTIC, out_low=1.0, thermal=1e-9, flicker=0.1, negative_gain=0.9
    ),
    "bit-serial": ReadSpec(5, 8, 2.0, 0.05, inputs="bit-serial", bound_management="none", adc=STOCHASTIC),
    "wires": ReadSpec(7, 9, 1.5, 0.06, ir_drop="exact", wires=Wires(100.0, 50.0), max_retries=2),
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("transposed", [False, True])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    cuts=st.lists(st.integers(1, 79), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_samples_are_read_with_the_same_bits_however_they_are_grouped(
    make_array: Any, name: str, transposed: bool, rows: int, cols: int, cuts: list[int], seed: int
) -> None:
    n = 80 if name in ("noise and retries", "no rounding") else 9
    rng = np.random.default_rng(seed)
    blocks = (Block(0, 0, rows, cols),)
    if rows > 1:
        blocks = (Block(0, 0, rows // 2, cols), Block(rows // 2, 0, rows - rows // 2, cols))
    array = make_array(rows, cols, read=SPECS[name], blocks=blocks, conductance=ConductanceSpec(1e-6, 1e-4))
    array.program(rng.uniform(-0.9, 0.9, (rows, cols)))
    size = cols if transposed else rows
    x = (rng.standard_normal((n, size)) * (rng.random((n, size)) < 0.7)).astype(np.float32)
    read = array.transposed if transposed else array.forward
    whole, counts = read(x, AT)
    for begin, end in pairwise([0, *sorted({c for c in cuts if c < n}), n]):
        part, part_counts = read(x[begin:end], AT._replace(sample0=begin))
        assert np.array_equal(part, whole[begin:end])
        assert np.array_equal(part_counts.retries, counts.retries[begin:end])


def test_lines_that_are_not_driven_change_no_bit(make_array: Any) -> None:
    rng = np.random.default_rng(1)
    w = rng.uniform(-0.9, 0.9, (20, 13))
    x = rng.standard_normal((6, 20)).astype(np.float32)
    x[:, [0, 3, 4, 5, 11, 19]] = 0
    spec = ReadSpec(None, None, bound_management="none", noise_management="none")
    array, less = make_array(20, 13, read=spec), make_array(14, 13, read=spec)
    kept = np.abs(x).sum(0) > 0
    array.program(w)
    less.program(w[kept])
    x = np.clip(x, -1, 1)
    assert np.array_equal(array.forward(x, AT)[0], less.forward(x[:, kept], AT)[0])
    assert np.array_equal(array.forward(x[:1], AT)[0], less.forward(x[:1, kept], AT)[0])
