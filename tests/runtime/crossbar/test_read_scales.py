"""Noise management: by what inputs are divided."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 0)
BLOCKS = (Block(0, 0, 3, 4), Block(3, 0, 2, 4))


def coarse(**given: Any) -> ReadSpec:
    """3 bits, so that codes tell what the scale was."""
    return ReadSpec(3, None, bound_management="none", **given)


def rounded(x: np.ndarray, scale: float) -> np.ndarray:
    return scale * np.rint(np.clip(x / scale, -1, 1) * 3) / 3


def identity(make_array: Any, spec: ReadSpec, **given: Any) -> Any:
    array = make_array(4, 4, read=spec, **given)
    array.program(np.eye(4))
    return array


def test_a_constant_scale_clips_what_is_larger(make_array: Any) -> None:
    array = identity(make_array, coarse(noise_management="constant", input_scale=2.0, backward_input_scale=0.5))
    x = np.array([[0.1, 0.9, -1.4, 5.0]], np.float32)
    assert np.allclose(array.forward(x, AT)[0], rounded(x, 2.0))
    assert np.allclose(array.transposed(x, AT)[0], rounded(x, 0.5))


def test_directions_may_be_scaled_each_in_its_way(make_array: Any) -> None:
    array = identity(
        make_array, coarse(noise_management="constant", input_scale=2.0, backward_noise_management="abs-max")
    )
    x = np.array([[0.1, 0.9, -1.4, 5.0]], np.float32)
    assert np.allclose(array.forward(x, AT)[0], rounded(x, 2.0))
    assert np.allclose(array.transposed(x, AT)[0], rounded(x, 5.0))


def test_a_zero_vector_is_read_with_noise_where_its_own_magnitude_does_not_matter(make_array: Any) -> None:
    array = identity(
        make_array, coarse(noise_management="constant", input_scale=2.0, backward_input_scale=1.0, out_noise=0.1)
    )
    assert np.all(array.forward(np.zeros((1, 4), np.float32), AT)[0] != 0)


def batches(steps: int, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [(rng.standard_normal((n, 5)) * 10.0 ** rng.uniform(-6, 2, (n, 1))).astype(np.float32) for _ in range(steps)]


def test_an_average_scale_is_the_running_mean_over_the_steps_before(make_array: Any) -> None:
    decay = 0.25
    array = make_array(5, 4, read=coarse(noise_management="average-abs-max", scale_decay=decay), blocks=BLOCKS)
    w = np.random.default_rng(0).uniform(-0.9, 0.9, (5, 4)).astype(np.float32)
    array.program(w)
    parts = (slice(0, 3), slice(3, 5))
    means: list[float | None] = [None, None]
    for step, x in enumerate(batches(4, 7)):
        x[2, 3:] = 0  # a part that is 0 does not count
        expected = np.zeros((7, 4))
        for b, part in enumerate(parts):
            largest = np.abs(x[:, part].astype(float)).max(1)
            for i in range(7):
                scale = means[b] or largest[i]
                if scale > 0:
                    expected[i] += rounded(x[i, part].astype(float), scale) @ w[part].astype(float)
        y, _ = array.forward(x, AT._replace(step=step))
        assert np.allclose(y, expected, rtol=1e-5, atol=1e-6)
        for b, part in enumerate(parts):
            mean = np.abs(x[:, part].astype(float)).max(1)
            mean = float(mean[mean > 0].mean())
            before = means[b]
            means[b] = mean if before is None else (1 - decay) * before + decay * mean


def test_an_average_depends_neither_on_order_nor_on_groups_nor_on_evaluation(make_array: Any) -> None:
    spec = ReadSpec(7, 9, 3.0, 0.06, noise_management="average-abs-max")
    whole, cut = make_array(5, 4, read=spec, blocks=BLOCKS), make_array(5, 4, read=spec, blocks=BLOCKS)
    for array in (whole, cut):
        array.program(np.random.default_rng(0).uniform(-0.9, 0.9, (5, 4)))
    for step, x in enumerate(batches(3, 40)):
        at = AT._replace(step=step)
        y, _ = whole.forward(x, at)
        parts = {
            first: cut.forward(x[first : first + 9], at._replace(sample0=first))[0] for first in (27, 0, 18, 9, 36)
        }
        assert np.array_equal(np.concatenate([parts[first] for first in sorted(parts)]), y)
        cut.forward(100 * x, DrawSite(Purpose.EVALUATION, 0, step))


def test_an_average_is_taken_up_again_where_it_was_left(make_array: Any) -> None:
    spec = ReadSpec(7, 9, 3.0, 0.06, noise_management="average-abs-max")
    array, other = make_array(5, 4, read=spec, blocks=BLOCKS), make_array(5, 4, read=spec, blocks=BLOCKS)
    array.program(np.random.default_rng(0).uniform(-0.9, 0.9, (5, 4)))
    first, second, third = batches(3, 9)
    array.forward(first, AT)
    array.forward(second[:4], AT._replace(step=1))
    other.restore(array.state())
    for x, step in ((second[4:], 1), (third, 2)):
        at = AT._replace(step=step)
        assert np.array_equal(other.forward(x, at)[0], array.forward(x, at)[0])


@pytest.mark.parametrize("purpose", [Purpose.FORWARD, Purpose.EVALUATION])
def test_before_the_first_step_ends_each_vector_has_its_own_scale(make_array: Any, purpose: Purpose) -> None:
    array = identity(make_array, coarse(noise_management="average-abs-max"))
    x = np.array([[0.1, 0.9, -1.4, 5.0], [0.3, 0.2, 0.1, 0.0]], np.float32)
    y, _ = array.forward(x, AT._replace(purpose=purpose))
    assert np.allclose(y, [rounded(x[0], 5.0), rounded(x[1], 0.3)])
