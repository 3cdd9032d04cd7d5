"""Statistical claims.

Seeds are fixed; each test rejects a true claim with probability 1e-3 over all its comparisons.
"""

from math import ceil

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import DrawSite, UpdateSpec

X = np.array([[1.0, 0.6, -0.3]], np.float32)
D = np.array([[0.02, -0.01, 0.004]], np.float32)
CALLS = 6000


def changes(array, lr, x=X, d=D):
    """Δw of updates that all start at w = 0, [CALLS, rows, cols]."""
    moved = np.empty((CALLS, *array.w.shape))
    for step in range(CALLS):
        array.w[:] = 0
        array.update(x, d, lr, DrawSite(Purpose.UPDATE, 0, step))
        moved[step] = array.w
    return moved


def z_of_mean(sample, expected):
    return (sample.mean(0) - expected) / (sample.std(0) / np.sqrt(len(sample)))


@pytest.mark.parametrize("alpha", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("managed", [True, False])
def test_mean_change_is_that_of_gradient_descent(make_array, critical_z, alpha, managed):
    update = UpdateSpec(31, update_management=managed, train_length_management=managed)
    array = make_array(3, 3, alpha=alpha, update=update, steps={"dw_min_ctoc": 0.3})
    # Unmanaged probabilities C·|x| and C·|d| stay below 1 only for magnitudes that are alike.
    x, d = (X, D) if managed else (X * np.float32(0.2), D * np.float32(5))
    lr = 0.3 * alpha
    z = z_of_mean(changes(array, lr, x, d) * alpha, -lr * x.T.astype(float) @ d.astype(float))
    assert np.abs(z).max() < critical_z(9)


def test_variance_is_binomial_plus_cycle_to_cycle(make_array, critical_z):
    step, noise, lr = 0.001, 0.3, 0.4
    array = make_array(3, 3, steps={"dw_min": step, "dw_min_ctoc": noise})
    moved = changes(array, lr)
    length = ceil(lr * 1.0 * 0.02 / step)
    p = lr / (length * step) * np.abs(X.T @ D).astype(float)
    expected = length * step**2 * p * (1 - p) + length * p * step**2 * noise**2
    mean = -length * step * p * np.sign(X.T @ D)
    assert np.abs(z_of_mean(moved, mean)).max() < critical_z(18)
    assert np.abs(z_of_mean((moved - mean) ** 2, expected)).max() < critical_z(18)


def test_crosspoints_of_a_row_share_its_train(make_array, critical_z):
    step, lr = 0.001, 0.4
    array = make_array(3, 3, steps={"dw_min": step})
    pulses = np.abs(np.rint(changes(array, lr) / step))
    length = ceil(lr * 0.02 / step)
    gain = np.sqrt(lr / (length * step))
    p_row = gain * np.abs(X[0]) * np.sqrt(0.02)
    p_col = gain * np.abs(D[0]) / np.sqrt(0.02)
    mean = length * np.outer(p_row, p_col)
    for row in range(3):
        for k, other in ((0, 1), (0, 2), (1, 2)):
            product = (pulses[:, row, k] - mean[row, k]) * (pulses[:, row, other] - mean[row, other])
            expected = length * p_row[row] * p_col[k] * p_col[other] * (1 - p_row[row])
            assert abs(z_of_mean(product, expected)) < critical_z(9)


def test_several_pulses_at_once_have_the_law_of_single_ones(make_array, critical_z):
    # Bounds so near that every coincidence is drawn singly, beside bounds so far that none is; nothing is clipped.
    step, lr = 0.001, 0.4
    far = changes(make_array(3, 3, steps={"dw_min": step, "dw_min_ctoc": 0.3, "w_max": 9, "w_min": -9}), lr)
    near = changes(make_array(3, 3, steps={"dw_min": step, "dw_min_ctoc": 0.3, "w_max": 0.0125, "w_min": -0.0125}), lr)
    assert not np.array_equal(far, near)
    for power in (1, 2):
        a, b = far**power, near**power
        z = (a.mean(0) - b.mean(0)) / np.sqrt((a.var(0) + b.var(0)) / CALLS)
        assert np.abs(z).max() < critical_z(18)


def test_steps_vary_between_devices_as_asked(make_array, critical_z):
    given = {"dw_min_dtod": 0.2, "up_down": 0.1, "up_down_dtod": 0.05, "w_max_dtod": 0.1, "w_min_dtod": 0.2}
    array = make_array(150, 150, steps=given)
    n = 150 * 150
    down, up = -array.planes.step[0] / 0.001, array.planes.step[1] / 0.001
    asked = [
        (up, 1.05, np.sqrt(0.2**2 + 0.025**2)),
        (down, 0.95, np.sqrt(0.2**2 + 0.025**2)),
        (up - down, 0.1, 0.05),
        (array.planes.b_max, 1.0, 0.1),
        (array.planes.b_min, -1.0, 0.2),
    ]
    for drawn, mean, deviation in asked:
        assert abs(drawn.mean() - mean) / (deviation / np.sqrt(n)) < critical_z(10)
        assert abs(drawn.var() / deviation**2 - 1) / np.sqrt(2 / n) < critical_z(10)
    # No number of a device tells of another.
    table = np.stack(
        [up.ravel() + down.ravel(), (up - down).ravel(), array.planes.b_max.ravel(), array.planes.b_min.ravel()]
    )
    correlation = np.corrcoef(table.astype(float))[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() * np.sqrt(n) < critical_z(6)
