"""Work on bits: counting ones, and magnitudes of floats read as integers."""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)


@intrinsic
def popcount(typing_context: Any, mask: Any) -> Any:
    """Count the ones of an unsigned 64-bit mask; int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def popcount32(typing_context: Any, mask: Any) -> Any:
    """Count the ones of an unsigned 32-bit mask; uint32, so that nothing in a loop over such masks is 64 bits wide."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint32(types.uint32), generate


@intrinsic
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a·b + c of float32 numbers, rounded once: one instruction, and the same bits on every machine."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def as_float(typing_context: Any, bits: Any) -> Any:
    """Return the float32 that has these 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), generate


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """Return the 32 bits of a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), generate


@njit(cache=True)
def largest_magnitude(values: Any) -> Any:
    """Return the largest magnitude of float32 numbers, as a float64; infinite if any is infinite or not a number.

    Without their sign, the bits of floats order as the numbers do; and the largest of integers compiles to vector
    instructions, while that of floats has to mind what is not a number.

    Args:
        values: [n] float32, contiguous.

    Returns:
        max |values|, 0 for none.
    """
    bits = values.view(np.uint32)
    largest = np.uint32(0)
    for i in range(bits.shape[0]):
        largest = max(largest, bits[i] & np.uint32(0x7FFFFFFF))
    return np.float64(as_float(min(largest, np.uint32(0x7F800000))))
