"""The fused kernel beside the reference kernel: the same law for every scheme and every device that is installed.

Seeds are fixed, one for each kernel. All claims of this file hold together with probability 1 - 1e-3 (Bonferroni).
Each array has equal devices, so that the crosspoints of one call and many calls are one sample a place.
"""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.registry import catalogue, device_class

SCHEMES = ("stochastic-compressed", "stochastic", "deterministic-implicit", "mean-count")
STEP = 0.01
STEPS = {"dw_min": STEP, "dw_min_ctoc": 0.3, "w_max": 0.6, "w_min": -0.5}
SLOPES = {"gamma_up": 0.8, "gamma_down": 0.5}
TABLE = {
    "state": (0, 1),
    "level": (0, 0.5, 1),
    "up": ((0.004, 0.01, 0.02), (0.0, 0.004, 0.01)),
    "down": ((-0.008, -0.004, 0.0), (-0.02, -0.01, -0.003)),
}
MORE = {
    "constant-step": {},
    "linear-step": SLOPES,
    "soft-bounds": {},
    "soft-bounds-reference": {"reference_mean": 0.05},
    "exp-step": {"A_up": 0.1, "A_down": 0.3, "gamma_up": 3.0, "gamma_down": 2.0, "a": 0.4, "b": 0.2},
    "pow-step": SLOPES,
    "piecewise-step": {"nodes_up": (1.3, 1.0, 0.4), "nodes_down": (0.5, 1.1, 1.0, 0.9)},
    "protonic": {"width_ns": 5.0, "amplitude_V": 10.0, "beta": 0.5, "hop_nm": 0.3, "electrolyte_nm": 10.0} | SLOPES,
    "one-sided-pair": {"gamma": 0.5},
    "measured": {"dw_min_ctoc": 0.0, "table": TABLE},
}
UNPULSED = ("ideal",)
STARTS = (0.0, 0.56, -0.46)
BY_DEFAULT = ("constant-step", "linear-step")
"""One device whose coincidences are applied at once, and one whose are not."""
ROWS, COLS, CALLS = 3, 4, 900
X = np.array([1.0, 0.6, -0.3], np.float32)
D = np.array([0.2, -0.1, 0.06, -0.2], np.float32)
RATE = 0.5
CLAIMS = 12 * 8 * 4 * 60
"""At most: devices, starts, schemes, comparisons of each."""


def installed():
    return [name for name in catalogue().classes if name not in UNPULSED and name in MORE]


def moved(model, scheme, kernel, start, seed):
    """Weights after one update from the same start, [CALLS, ROWS, COLS]."""
    kind = device_class(model)
    spec = UpdateSpec(scheme=scheme, kernel=kernel)
    device = kind(kind.Parameters(**STEPS | MORE[model]))
    array = CrossbarArray("W", 0, ROWS, COLS, 1.0, device, (Block(0, 0, ROWS, COLS),), None, spec, None, seed)
    found = np.empty((CALLS, ROWS, COLS))
    weights = np.full((ROWS, COLS), start, np.float32)
    for call in range(CALLS):
        array.w[:] = weights
        array.touch()
        array.update(X[None], D[None], RATE, DrawSite(Purpose.UPDATE, 0, call))
        found[call] = array.w
    return found


def z_of(first, second):
    """z of the difference of two means, 0 where neither varies and both are alike."""
    error = np.sqrt((first.var(0) + second.var(0)) / CALLS)
    apart = first.mean(0) - second.mean(0)
    return np.where(np.abs(apart) < 1e-6, 0.0, apart / np.maximum(error, 1e-9))


def products(sample):
    """Products of deviations of neighbours in a row and in a column."""
    off = sample - sample.mean(0)
    return np.concatenate(
        [(off[:, :, 1:] * off[:, :, :-1]).reshape(CALLS, -1), (off[:, 1:] * off[:, :-1]).reshape(CALLS, -1)], axis=1
    )


def cases():
    """Every device under every scheme from every start; by default, each device near a bound, and two from 0 too."""
    for model in installed():
        for scheme in SCHEMES:
            for start in STARTS:
                by_default = (model in BY_DEFAULT and start >= 0) or (scheme == SCHEMES[0] and start > 0)
                yield pytest.param(model, scheme, start, marks=() if by_default else pytest.mark.slow)


@pytest.mark.parametrize(("model", "scheme", "start"), list(cases()))
def test_fused_and_reference_kernel_have_the_same_law(model, scheme, start, critical_z):
    first, second = moved(model, scheme, "fused", start, 1), moved(model, scheme, "reference", start, 2)
    limit = critical_z(CLAIMS)
    assert np.abs(z_of(first, second)).max() < limit
    centre, deviation = second.mean(0), second.std(0)
    assert np.abs(z_of((first - centre) ** 2, (second - centre) ** 2)).max() < limit
    for side in (1, -1):  # tails, and what lies at a bound
        edge = centre + side * 1.5 * deviation
        assert np.abs(z_of((side * (first - edge) > 0) * 1.0, (side * (second - edge) > 0) * 1.0)).max() < limit
    assert np.abs(z_of(products(first), products(second))).max() < limit
    low, high = STEPS["w_min"], STEPS["w_max"]
    assert min(first.min(), second.min()) >= np.float32(low) and max(first.max(), second.max()) <= np.float32(high)


def test_every_pulsed_device_of_ours_is_compared():
    ours = {name for name, kind in catalogue().classes.items() if kind.__module__.startswith("ohmflow.")}
    assert ours <= set(MORE) | set(UNPULSED)
