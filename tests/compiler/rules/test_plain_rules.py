"""What the rules' oracles do on faulty devices: the behaviour that the rules were published for.

Linear regression, 8 × 5 weights, targets with noise; the distance is the mean of |W − W*| over the last fifth of the
vectors. Seeds are fixed; the factors asked for are about half of what is seen.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.compiler.rules.plain_arrays import ExactArray, Faults, PulsedArray
from tests.compiler.rules.plain_rules import Agad, Chopped, FastRate, Shd, TikiTaka2, Transferring, shift_zero

ROWS, COLS, VECTORS, LR, NOISE = 8, 5, 6000, 0.04, 0.3
STEEP = Faults(step=0.02)
SPREAD = Faults(step=0.02, up_down=0.5, up_down_dtod=0.3, dtod=0.3, ctoc=0.3)
ZERO = np.zeros((ROWS, COLS))


class PlainSgd:
    """The gradient straight on the array."""

    def __init__(self, slow: PulsedArray) -> None:
        self.slow = slow

    def apply(self, x: Any, d: Any, lr: float) -> None:
        self.slow.update(x, d, lr)


def pair(kind: type[Transferring], faults: Faults, offset: float = 0.0, shifted: bool = False) -> Transferring:
    fast = PulsedArray(ZERO, Faults(**{**faults.__dict__, "offset": offset}), 1)
    if shifted:
        shift_zero(fast, 150)
    rule = kind(fast, PulsedArray(ZERO, faults, 2), 2 * faults.bound / faults.step)
    if isinstance(rule, Chopped):
        rule.flips = np.random.default_rng(5).random(VECTORS)
    return rule


def distance(rule: Any) -> float:
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-0.5, 0.5, (ROWS, COLS))
    seen = []
    for t in range(VECTORS):
        x = rng.standard_normal(ROWS)
        rule.apply(x, x @ (rule.slow.w - wanted) + NOISE * rng.standard_normal(COLS), LR)
        if t >= 0.8 * VECTORS:
            seen.append(np.abs(rule.slow.w - wanted).mean())
    return float(np.mean(seen))


@pytest.fixture(scope="module")
def of() -> Callable[..., float]:
    known: dict[Any, float] = {}

    def look(kind: type[Transferring], faults: Faults, **given: Any) -> float:
        key = (kind, faults, *given.items())
        if key not in known:
            known[key] = distance(pair(kind, faults, **given))
        return known[key]

    return look


def test_sgd_stalls_on_soft_bounds_where_tiki_taka_2_does_not(of: Callable[..., float]) -> None:
    assert of(TikiTaka2, STEEP) < 0.6 * distance(PlainSgd(PulsedArray(ZERO, STEEP, 2)))


def test_agad_tolerates_a_reference_that_is_off_and_tiki_taka_2_does_not(of: Callable[..., float]) -> None:
    assert of(TikiTaka2, STEEP, offset=0.3) > 1.5 * of(TikiTaka2, STEEP)
    assert of(Agad, STEEP, offset=0.3) < 1.3 * of(Agad, STEEP)


def test_zero_shifting_mends_spread_symmetry_points(of: Callable[..., float]) -> None:
    assert of(TikiTaka2, SPREAD, shifted=True) < 0.7 * of(TikiTaka2, SPREAD)


def test_agad_needs_no_zero_shifting(of: Callable[..., float]) -> None:
    assert of(Agad, SPREAD) < 0.7 * of(TikiTaka2, SPREAD)


def test_pulses_in_turn_bring_devices_to_their_symmetry_points() -> None:
    array = PulsedArray(np.full((ROWS, COLS), 0.7), Faults(step=0.02, up_down=0.5, up_down_dtod=0.3), 3)
    for _ in range(300):
        array.pulse_all(True)
        array.pulse_all(False)
    assert np.abs(array.w - array.symmetry_point).max() < 0.02


def test_one_gradient_moves_the_slow_array_once_while_the_fast_one_remembers() -> None:
    """An exact array that is cleared after `memory` vectors: the sum over the sweeps is −lr·xᵀd."""
    rows, memory, lr = 4, 40, 0.01
    fast, slow = ExactArray(np.zeros((rows, 3)), 0.001), ExactArray(np.zeros((rows, 3)), 0.001)
    rule = Shd(fast, slow, memory, 1, FastRate(0.001, fixed=0.05))
    x, d = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.3, -0.1, 0.2])
    rule.apply(x, d, lr)
    for _ in range(memory - 1):
        rule.apply(np.zeros(rows), np.zeros(3), lr)
    np.testing.assert_allclose(slow.w, -lr * np.outer(x, d), rtol=1e-12)


def test_shd_keeps_its_energy_without_friction_and_loses_it_with_asymmetry() -> None:
    """One weight, f = c²/2, exact sums for A: f + κ·a²/(2η) stays; with A's pull to 0 it falls."""
    eta, kappa = 0.01, 0.01
    energies = []
    for friction in (0.0, 0.01):
        a, c, seen = 0.0, 1.0, []
        for _ in range(4000):
            a += -eta * c - friction * a
            c += kappa * a
            seen.append(c * c / 2 + kappa * a * a / (2 * eta))
        energies.append(seen)
    # The symplectic step keeps the energy up to the product of both rates.
    assert max(energies[0]) - min(energies[0]) < 0.02 * energies[0][0]
    assert energies[1][-1] < 1e-3 * energies[1][0]
