"""How a target's tiles pulse their devices, for the crossbar."""

from ohmflow.runtime.crossbar.spec import UpdateSpec
from ohmflow.runtime.devices.of_target import device_of, half_select_ratio_of
from ohmflow.targets.schema.target import Target
from ohmflow.targets.timing import SIGN_PHASES


def update_spec(target: Target) -> UpdateSpec:
    """How the target's tiles update."""
    update = target.tile.update
    return UpdateSpec(
        max(update.train_length, 1),
        update.update_management,
        update.train_length_management,
        half_select_step=half_select_ratio_of(device_of(target.device), target.device),
        scheme=update.scheme,
        kernel=update.kernel,
    )


def scheme_of(number: int) -> str | None:
    """Name the scheme of an update.

    Args:
        number: what the update's row in the program has in the column `attr`.

    Returns:
        The scheme, or None for that of the target.
    """
    return None if number == 0 else list(SIGN_PHASES)[number - 1]
