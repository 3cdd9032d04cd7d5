"""What targets can be used for."""

import pytest

from ohmflow.targets.capability import CapabilityError, require_execution, require_training
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load


@pytest.mark.parametrize("name", ["ideal", "protonic-psg", "rpu-2016"])
def test_training_targets_execute_and_train(name: str) -> None:
    require_execution(load(name))
    require_training(load(name))


@pytest.mark.parametrize("name", ["puma", "pimcomp-2023"])
def test_inference_chips_are_refused_with_the_way_out(name: str) -> None:
    target = load(name)
    with pytest.raises(CapabilityError) as training:
        require_training(target)
    with pytest.raises(CapabilityError) as execution:
        require_execution(target)
    assert training.value.exit_status == execution.value.exit_status == 3
    assert training.value.problems == [
        f"target {name}: device.model must be one that is updated, not 'fixed', to train on it, since it is an "
        "inference chip; estimate inference with 'ohmflow estimate', or train on another target"
    ]
    assert execution.value.problems == [
        f"target {name}: executes must be true to compute on it, not false, since the machine does not have the "
        "arithmetic of that chip; estimate time, energy and area with 'ohmflow estimate'"
    ]


def test_tiles_that_are_not_read_backwards_do_not_train() -> None:
    target = load("rpu-2016", {"tile.transposable": "false", "tile.adc.banks": "1"})
    require_execution(target)
    with pytest.raises(CapabilityError, match=r"tile\.transposable must be true to train on it"):
        require_training(target)


def test_a_trained_device_may_be_costed_only() -> None:
    with pytest.raises(CapabilityError, match="executes must be true"):
        require_training(load("rpu-2016", {"executes": "false"}))


def test_a_fixed_device_executes_nothing() -> None:
    with pytest.raises(TargetError) as caught:
        load("puma", {"executes": "true"})
    assert caught.value.problems[0].endswith(
        "device.model must be one that the machine can execute, not 'fixed', unless the target says that it is not; "
        "add 'executes: false', or write 'constant-step'"
    )
