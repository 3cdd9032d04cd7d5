"""Length of the bins of power."""

from ohmflow.runtime.trace.errors import TraceError
from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity


def parse_bin(text: str) -> float:
    """Read a time such as `100ns`.

    Returns:
        Seconds.

    Raises:
        TraceError: it is no time above 0.
    """
    try:
        seconds = Quantity.parse(text).to("s")
    except QuantityError as error:
        raise TraceError(f"--bin: must be a time, not '{text}' ({error}); write one such as '100 ns'") from error
    if seconds <= 0:
        raise TraceError(f"--bin: must be above 0, not '{text}'; write a time such as '100 ns'")
    return seconds
