"""What a target can be used for: every target can be mapped, timed and costed; some can execute, fewer can train."""

from ohmflow.targets.errors import TargetError
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.schema.target import Target


class CapabilityError(TargetError):
    """A sound target that can not do what is asked of it."""

    exit_status = 3


def require_execution(target: Target) -> None:
    """Refuse a target on which no value can be computed faithfully.

    Raises:
        CapabilityError: the target says `executes: false`.
    """
    if not target.executes:
        raise CapabilityError(
            [
                f"target {target.name}: executes must be true to compute on it, not false, since the machine does not "
                "have the arithmetic of that chip; estimate time, energy and area with 'ohmflow estimate'"
            ]
        )


def can_train(target: Target) -> bool:
    """Whether weights can be trained on a target."""
    try:
        require_training(target)
    except CapabilityError:
        return False
    return True


def require_training(target: Target) -> None:
    """Refuse a target on which no weight can be trained.

    Raises:
        CapabilityError: weights are fixed, or a tile can not be read backwards, or it can not execute.
    """
    if target.device.model == FIXED:
        raise CapabilityError(
            [
                f"target {target.name}: device.model must be one that is updated, not '{FIXED}', to train on it, since "
                "it is an inference chip; estimate inference with 'ohmflow estimate', or train on another target"
            ]
        )
    if not target.tile.transposable:
        raise CapabilityError(
            [
                f"target {target.name}: tile.transposable must be true to train on it, not false, since the backward "
                "pass reads rows; train on another target"
            ]
        )
    require_execution(target)
