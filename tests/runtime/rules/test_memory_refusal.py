"""A rule whose digital matrices do not fit is refused by name, with the ways out."""

import numpy as np
import pytest

from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.targets.registry import load
from tests.compiler.rules.one_layer import Trained


def test_the_refusal_names_the_matrices_and_the_ways_out() -> None:
    target = load("rpu-2016", {"chip.vector_unit.scratchpad.size": "16 KiB"})
    chip = Trained(np.zeros((100, 90), np.float32), target, "agad", 0.7)
    with pytest.raises(ScratchpadError) as refused:
        chip.step(np.ones((2, 100), np.float32), np.ones((2, 90), np.float32), 0.1)
    told = str(refused.value)
    for part in (
        "for the rule of 'W': H of [100, 90], mean of [100, 90], reference of [100, 90]",
        "--set chip.vector_unit.scratchpad.size=",
        "--layer-rule 'W=shd'",
        "make the layer smaller",
    ):
        assert part in told
