"""ohmflow's runtime: programs in, numbers, cycles and joules out. Public names load on first use."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ohmflow.runtime.training.api import resume as resume
    from ohmflow.runtime.training.api import train as train
    from ohmflow.runtime.training.run_folder import Run as Run
    from ohmflow.runtime.training.trainer import TrainOptions as TrainOptions

_PUBLIC = {
    "resume": "ohmflow.runtime.training.api",
    "train": "ohmflow.runtime.training.api",
    "Run": "ohmflow.runtime.training.run_folder",
    "TrainOptions": "ohmflow.runtime.training.trainer",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ohmflow.runtime' has no attribute '{name}'")
