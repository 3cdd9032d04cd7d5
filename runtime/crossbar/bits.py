"""Machine instructions on 64-bit masks that numba has no name for."""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

from numba import types
from numba.extending import intrinsic

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)


@intrinsic
def popcount(typing_context: Any, mask: Any) -> Any:
    """Count the ones of an unsigned 64-bit mask; int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate
