"""A segment with arrays of its own computes what its session does, from wherever inputs are given."""

import numpy as np
import onnx
import onnxruntime
import pytest

from ohmflow.runtime.digital.bound_segment import BoundSegment
from ohmflow.runtime.digital.sessions import session_options


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    """Two inputs, two results."""
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[n,3] a, float[3] b) => (float[n,3] s, float[n,3] p) '
        "{ s = Add(a, b) p = Mul(a, b) }"
    )
    return onnxruntime.InferenceSession(model.SerializeToString(), session_options(), ["CPUExecutionProvider"])


def bound(session: onnxruntime.InferenceSession, a: np.ndarray, b: np.ndarray) -> BoundSegment:
    made = [np.empty(a.shape, np.float32) for _ in range(2)]
    return BoundSegment(session, ("a", "b"), ("s", "p"), (a, b), made)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, 3)).astype(np.float32), rng.standard_normal(3).astype(np.float32)


def check(segment: BoundSegment, a: np.ndarray, b: np.ndarray) -> None:
    before = a.copy(), b.copy()
    assert segment([a, b])
    np.testing.assert_array_equal(segment.results[0], before[0] + before[1])
    np.testing.assert_array_equal(segment.results[1], before[0] * before[1])
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


def test_inputs_may_change_where_they_stand(session: onnxruntime.InferenceSession) -> None:
    a, b = drawn(0)
    segment = bound(session, a, b)
    for seed in range(3):
        a[:], b[:] = drawn(seed)
        check(segment, a, b)


def test_inputs_may_come_from_elsewhere_and_back(session: onnxruntime.InferenceSession) -> None:
    first = drawn(0)
    segment = bound(session, *first)
    check(segment, *first)
    for given in (drawn(1), drawn(2), first, (first[0], drawn(3)[1]), drawn(1)):
        check(segment, *given)


def test_strided_and_read_only_inputs_are_taken(session: onnxruntime.InferenceSession) -> None:
    a, b = drawn(0)
    by_columns = np.asfortranarray(a)
    segment = bound(session, by_columns, b)
    check(segment, by_columns, b)
    check(segment, drawn(1)[0], b)
    b.flags.writeable = False
    check(segment, np.repeat(a, 2, axis=0)[::2], b)


def test_results_stand_where_they_stood(session: onnxruntime.InferenceSession) -> None:
    segment = bound(session, *drawn(0))
    results = segment.results
    check(segment, *drawn(1))
    assert all(one is other for one, other in zip(segment.results, results, strict=True))


@pytest.mark.parametrize(
    "a", [np.ones((5, 3), np.float32), np.ones((4, 3)), np.ones((4, 1), np.float32)], ids=["more", "type", "fewer"]
)
def test_other_shapes_and_types_are_refused_and_change_nothing(
    session: onnxruntime.InferenceSession, a: np.ndarray
) -> None:
    segment = bound(session, *drawn(0))
    check(segment, *drawn(0))
    held = [result.copy() for result in segment.results]
    assert not segment([a, drawn(1)[1]])
    for result, before in zip(segment.results, held, strict=True):
        np.testing.assert_array_equal(result, before)
    check(segment, *drawn(2))
