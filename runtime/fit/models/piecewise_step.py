"""`piecewise-step`: Δ± = s±·f±(z)·(1 + ctoc·ξ), f± linear between five nodes at equal distances from b_min to b_max.

A device's own: log s₊, log s₋, and its bounds. All share the nodes; the one in the middle is 1, so that s± is the step
there.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import NODES, PIECEWISE
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn, log_steps
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]

FREE = tuple(k for k in range(NODES) if k != NODES // 2)
"""Nodes that are fitted."""
NODE_NAMES = tuple(f"nodes_{way}[{k}]" for way in ("up", "down") for k in range(NODES))


def first_nodes(look: FirstLook) -> Floats:
    """Nodes of straight lines by the first look, up and down, without the middle ones."""
    half = np.maximum((look.high - look.low) / 2.0, 1e-3)
    z = np.linspace(-1.0, 1.0, NODES)
    lines = []
    for way, sign in ((1, 1.0), (0, -1.0)):
        tilt = float(np.median(sign * look.slope[way] * half / look.step[way]))
        lines.append(np.clip(1.0 + np.clip(tilt, -1.0, 1.0) * z, 0.1, 2.0)[list(FREE)])
    return np.concatenate(lines)


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    return log_steps(look), first_nodes(look)


def own_numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    """What devices draw: their steps in the middle of their range."""
    del bounds, shared
    return drawn(np.exp(own[:, 0]), np.exp(own[:, 1]), scale)


def all_nodes(shared: Floats) -> Floats:
    """Nodes up and down with the middle ones, [2, nodes]."""
    free = shared[: 2 * (NODES - 1)].reshape(2, NODES - 1)
    return np.insert(free, NODES // 2, 1.0, axis=1)


def _constants(shared: Floats, span: float, scale: Scale, trains: Trains) -> dict[str, float]:
    del span, scale, trains
    return dict(zip(NODE_NAMES, all_nodes(shared).ravel().tolist(), strict=True))


MODELS = (
    FitModel(
        "piecewise-step",
        "piecewise-step",
        PIECEWISE,
        ("log_up", "log_down"),
        _start,
        own_numbers,
        shared=tuple(f"{way}{k}" for way in ("up", "down") for k in FREE),
        widths=(2.0,) * (2 * (NODES - 1)),
        limits=((0.0, 30.0),) * (2 * (NODES - 1)),
        constants=_constants,
    ),
)
"""How it is fitted."""
