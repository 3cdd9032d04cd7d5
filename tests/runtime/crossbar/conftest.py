from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.spec import Block, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep


@pytest.fixture
def make_array() -> Callable[..., CrossbarArray]:
    """An array of constant-step devices with w = 0; keywords replace what is given here."""

    def make(rows: int, cols: int, **given: Any) -> CrossbarArray:
        steps = {"dw_min": 0.001, "w_max": 1.0, "w_min": -1.0} | given.pop("steps", {})
        options: dict[str, Any] = {
            "alpha": 1.0,
            "device": ConstantStep(ConstantStep.Parameters(**steps)),
            "blocks": (Block(0, 0, rows, cols),),
            "read": None,
            "update": UpdateSpec(),
            "conductance": None,
            "seed": 11,
        } | given
        return CrossbarArray("W", 3, rows, cols, **options)

    return make


@pytest.fixture
def critical_z() -> Callable[[int], float]:
    """The |z| that none of m two-sided normal tests exceeds with probability 1 - 1e-3, if all claims hold."""

    def quantile(m: int) -> float:
        return NormalDist().inv_cdf(1 - 1e-3 / (2 * m))

    return quantile


@pytest.fixture
def spread_steps() -> dict[str, float]:
    return {
        "dw_min_dtod": 0.3,
        "dw_min_ctoc": 0.3,
        "up_down_dtod": 0.05,
        "w_max_dtod": 0.3,
        "w_min_dtod": 0.3,
    }


@pytest.fixture
def pairs() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """n vector pairs, some of whose elements are 0, as a rectifier makes them."""

    def draw(n: int, rows: int, cols: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        x = np.maximum(rng.standard_normal((n, rows)), 0).astype(np.float32)
        d = (0.05 * rng.standard_normal((n, cols)) * (rng.random((n, cols)) < 0.7)).astype(np.float32)
        return x, d

    return draw
