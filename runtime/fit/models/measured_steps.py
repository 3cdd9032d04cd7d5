"""`measured`: the table of steps itself. Mean and spread of the step have nodes of their own, in both directions.

A device's own: log s₊, log s₋, and its bounds, as in `piecewise-step`. All share the nodes of the mean and those of the
spread between pulses, of which c is the one up in the middle. The table's shape beyond mean and spread is that of
`step_shape.py`.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import NODES, TABLE
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.piecewise_step import all_nodes, first_nodes, own_numbers
from ohmflow.runtime.fit.models.protocol import FitModel, log_steps

Floats = npt.NDArray[np.float64]

_MEANS, _SPREADS = 2 * (NODES - 1), 2 * NODES - 1


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    return log_steps(look), np.concatenate([first_nodes(look), np.zeros(_SPREADS)])


def curves(shared: Floats) -> tuple[Floats, Floats]:
    """Means and spreads of the step in units of s±, up and down, each [2, nodes].

    Args:
        shared: the shared parameters, log c and log ρ last.
    """
    spread = np.insert(shared[_MEANS : _MEANS + _SPREADS], NODES // 2, 0.0)
    return all_nodes(shared), np.exp(shared[-2] + spread).reshape(2, NODES)


MODELS = (
    FitModel(
        "measured",
        "measured",
        TABLE,
        ("log_up", "log_down"),
        _start,
        own_numbers,
        shared=tuple(f"mean{k}" for k in range(_MEANS)) + tuple(f"log_spread{k}" for k in range(_SPREADS)),
        widths=(2.0,) * _MEANS + (1.0,) * _SPREADS,
        limits=((0.0, 30.0),) * _MEANS + ((-5.0, 5.0),) * _SPREADS,
        absent=("dw_min_ctoc",),
        has_table=True,
    ),
)
"""How it is fitted."""
