"""How a target's tiles pulse their devices, for the crossbar."""

from ohmflow.runtime.crossbar.spec import UpdateSpec
from ohmflow.runtime.devices.of_target import device_of, half_select_ratio_of
from ohmflow.targets.schema.target import Target


def update_spec(target: Target) -> UpdateSpec:
    """How the target's tiles update."""
    update = target.tile.update
    return UpdateSpec(
        max(update.train_length, 1),
        update.update_management,
        update.train_length_management,
        half_select_step=half_select_ratio_of(device_of(target.device), target.device),
    )
