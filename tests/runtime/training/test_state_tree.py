"""Nested state comes back as it was."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmflow.runtime.training.state_tree import pack, unpack

KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.text(), st.integers()))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(KEYS, inner), st.dictionaries(KEYS, st.floats(-1, 1))
    ),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """A value with the types of all its parts, and dictionaries in their order."""
    if isinstance(value, dict):
        return [dict, [(typed(k), typed(v)) for k, v in value.items()]]
    if isinstance(value, list | tuple):
        return [type(value), [typed(item) for item in value]]
    return [type(value), value]


@given(VALUES)
def test_packing_and_unpacking_is_the_identity(value: Any) -> None:
    assert typed(unpack(*pack(value))) == typed(value)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "int8", "uint64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4)])
def test_arrays_keep_type_and_shape(kind: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, kind)
    found = unpack(*pack({"a": array}))["a"]
    assert found.dtype == array.dtype and found.shape == array.shape and np.array_equal(found, array)


def test_equal_keys_are_kept_once() -> None:
    text, tensors = pack({epoch: {("tile(0,0)", "forward"): float(epoch), "x": 1.0} for epoch in range(50)})
    assert text.count("forward") == 1 and len(tensors) == 50


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="must be of numbers"):
        pack({"a": object()})
