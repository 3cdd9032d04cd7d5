"""On `ideal`, rules do what their equations say: the arrays and H equal `plain_rules.py`, whatever α is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ohmflow.targets.registry import load
from tests.compiler.rules.one_layer import Trained, errors
from tests.compiler.rules.plain_arrays import ExactArray
from tests.compiler.rules.plain_rules import (
    Agad,
    Chopped,
    FastRate,
    MixedPrecision,
    Residual,
    Shd,
    TikiTaka2,
    Transferring,
)

ROWS, COLS, LR, MEMORY, STEPS = 6, 4, 0.3, 100, 30
SIZES = (5, 1, 3)
RANGE = 2.0  # of the devices of `ideal`, of which rules take a thousandth for a step


class Problem:
    """Batches whose targets are a linear function of the inputs."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self.start, self.goal = self._rng.uniform(-0.3, 0.3, (2, ROWS, COLS)).astype(np.float32)

    def batch(self, step: int) -> tuple[Any, Any]:
        x = self._rng.standard_normal((SIZES[step % len(SIZES)], ROWS)).astype(np.float32)
        return x, x @ self.goal


def with_fast(kind: type[Transferring], fixed: float = 0.0, **given: Any) -> Callable[[Any, float], Any]:
    def make(start: Any, step: float) -> Any:
        fast, slow = ExactArray(np.zeros(start.shape), step), ExactArray(start.astype(np.float64), step)
        rule = kind(fast, slow, MEMORY, rate=FastRate(step, fixed=fixed), **given)
        if isinstance(rule, Chopped):
            rule.chop = 1.0 if kind is Chopped else 0.3
            rule.flips = np.zeros(10**4)
        return rule

    return make


def mixed(start: Any, step: float) -> Any:
    return MixedPrecision(ExactArray(start.astype(np.float64), step), 2**20)


def residual(start: Any, step: float) -> Any:
    tiles = [ExactArray(w, step) for w in (start.astype(np.float64), np.zeros(start.shape), np.zeros(start.shape))]
    return Residual(tiles, 0.5, 0.05)  # type: ignore[arg-type]


CASES: dict[str, tuple[str, dict[str, Any], Callable[[Any, float], Any]]] = {
    "tiki-taka-v2": ("tiki-taka-v2", {}, with_fast(TikiTaka2)),
    "tiki-taka-v2, remembering": (
        "tiki-taka-v2",
        {"forget": False, "transfer_pulses": 3, "transfer_every": 2},
        with_fast(TikiTaka2, forget=False, longest=3, every=2),
    ),
    "tiki-taka-v2, fixed rate": ("tiki-taka-v2", {"fast_lr": 0.05}, with_fast(TikiTaka2, fixed=0.05)),
    "c-ttv2, signs change with every read": ("c-ttv2", {"chop": 1.0}, with_fast(Chopped, keep=0.0)),
    "agad": ("agad", {"chop": 0.3}, with_fast(Agad)),
    "shd": ("shd", {}, with_fast(Shd)),
    "residual": ("residual", {"tiles": 3, "gamma": 0.5, "beta": 0.05}, residual),
    "mixed-precision": ("mixed-precision", {}, mixed),
}


def seen(chip: Trained) -> Any:
    """What the layer computes with: d is taken from the chip, so that one difference does not breed others."""
    tiles = [record for record in chip.program.arrays if record.gain != 0 and record.layer]
    return chip.array() + sum(np.float32(t.gain) * chip.array(t.name.removeprefix("W.")) for t in tiles)


@pytest.mark.parametrize("alpha", [1.0, 0.4])
@pytest.mark.parametrize("case", CASES)
def test_rule_equals_its_equations(case: str, alpha: float) -> None:
    name, options, make = CASES[case]
    problem = Problem()
    rule = make(problem.start, alpha * RANGE / 1000)
    if isinstance(rule, Transferring):
        options = {"memory": MEMORY, **options}
    if isinstance(rule, TikiTaka2):
        options = {"transfer_pulses": 1, **options}
    chip = Trained(problem.start, load("ideal"), name, alpha, **options)
    main = rule.tiles[0] if isinstance(rule, Residual) else getattr(rule, "slow", None) or rule.main
    for step in range(STEPS):
        x, wanted = problem.batch(step)
        d = errors(x, seen(chip), wanted).astype(np.float64)
        if isinstance(rule, MixedPrecision):
            rule.apply(x.astype(np.float64), d, LR)
        else:
            for x_i, d_i in zip(x.astype(np.float64), d, strict=True):
                rule.apply(x_i, d_i, LR)
        chip.step(x, wanted, LR)
    # The oracle is float64, so a step that is due by rounding may be taken by one of them only.
    off = np.abs(chip.array() - main.w)
    assert np.mean(off > 3e-6) <= 0.1 and off.max() <= 1.01 * main.step
    assert np.abs(main.w - problem.start).max() > 0.005
    if isinstance(rule, Transferring):
        np.testing.assert_allclose(chip.array("fast"), rule.fast.w, atol=3e-6)
    if isinstance(rule, Residual):
        np.testing.assert_allclose(chip.array("tile2"), rule.tiles[2].w, atol=3e-6)


@pytest.mark.parametrize("case", ["tiki-taka-v2", "agad", "shd", "mixed-precision"])
def test_a_learning_rate_means_the_same_whatever_alpha_is(case: str) -> None:
    """What went to C, and what waits in H for it, together do not depend on the scale."""
    name, options, _ = CASES[case]
    if name != "shd" and name != "mixed-precision":
        options = {**options, "forget": False, "keep": 0.0, "transfer_pulses": 60}
    if name != "mixed-precision":
        options = {**options, "memory": MEMORY}
    moved = []
    for alpha in (1.0, 0.25):
        problem = Problem()
        chip = Trained(problem.start, load("ideal"), name, alpha, **options)
        for step in range(20 if name == "agad" else 6):
            # One batch seen from frozen C: what C does later would depend on when its steps were taken.
            x, wanted = problem.batch(step)
            chip.step(x, wanted, 0.02)
        waits = {"mixed-precision": "chi", "shd": None}.get(name, "H")
        pending = 0.0 if waits is None else chip.states()[waits] * alpha * RANGE / 1000
        moved.append(chip.array() + pending - problem.start)
    assert np.abs(moved[0]).max() > 0
    np.testing.assert_allclose(moved[1], moved[0], atol=0.02 * np.abs(moved[0]).max())


@pytest.mark.parametrize("case", ["tiki-taka-v2", "agad", "shd", "residual", "mixed-precision"])
def test_positions_of_a_sample_are_vectors_like_others(case: str) -> None:
    """Three vectors a sample: the order is sample, then position."""
    name, options, make = CASES[case]
    problem, rng = Problem(), np.random.default_rng(1)
    rule = make(problem.start, RANGE / 1000)
    if isinstance(rule, Transferring):
        options = {"memory": MEMORY, **options}
    if isinstance(rule, TikiTaka2):
        options = {"transfer_pulses": 1, **options}
    chip = Trained(problem.start, load("ideal"), name, positions=3, **options)
    main = rule.tiles[0] if isinstance(rule, Residual) else getattr(rule, "slow", None) or rule.main
    for _ in range(20):
        x = rng.standard_normal((2, 3, ROWS)).astype(np.float32)
        wanted = x @ problem.goal
        d = errors(x, seen(chip), wanted).astype(np.float64).reshape(-1, COLS)
        pairs = x.astype(np.float64).reshape(-1, ROWS), d
        if isinstance(rule, MixedPrecision):
            rule.apply(*pairs, LR)
        else:
            for x_i, d_i in zip(*pairs, strict=True):
                rule.apply(x_i, d_i, LR)
        chip.step(x, wanted, LR)
    off = np.abs(chip.array() - main.w)
    assert np.mean(off > 3e-6) <= 0.1 and off.max() <= 1.01 * main.step
    assert np.abs(main.w - problem.start).max() > 0.005
    if not isinstance(rule, MixedPrecision):
        assert chip.states()["count"] == 20 * 2 * 3
