"""Instructions of more cycles than a program's tables hold are refused, with what to change."""

import pytest

from ohmflow.compiler import compile_model
from ohmflow.compiler.emit.errors import EmitError
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network


def test_pulses_that_last_too_many_cycles_are_refused() -> None:
    target = load("protonic-psg", {"device.pulse.width": "100 ms"})
    with pytest.raises(EmitError, match=r"program: an instruction must take fewer than 2\^31 cycles, not 10,000,000,0"):
        compile_model(network(6, Layer("gemm", 3)).proto, target)
