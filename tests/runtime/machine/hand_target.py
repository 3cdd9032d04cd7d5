"""Small targets made by hand, with round figures that tests can work with."""

from typing import Any

from ohmflow.targets.schema.target import Target

_TILE: dict[str, Any] = {
    "crossbar": {"rows": 16, "cols": 16, "cell": "single-with-reference"},
    "dac": {"bits": 7},
    "adc": {"bits": 9, "bound": 12, "noise": 0.06, "rate": "1 GHz", "latency": 4, "shared_by": 8, "banks": 2},
    "read": {
        "integration": "10 ns",
        "setup": 2,
        "double_buffered": True,
        "noise_management": "abs-max",
        "bound_management": "iterative",
        "max_retries": 5,
    },
    "update": {
        "train_length": 31,
        "scheme": "stochastic-compressed",
        "update_management": True,
        "train_length_management": True,
        "setup": 4,
    },
    "program": {"mode": "ideal", "error": 0, "rounds": 0, "pulses_per_round": 0},
    "buffer": {"size": "64 KiB", "port": "32 B", "vectors": 2},
}

_CHIP: dict[str, Any] = {
    "clock": "1 GHz",
    "mesh": "4 x 4",
    "link": {"flit": "64 bit", "hop": 2, "local_hop": 1},
    "vector_unit": {
        "lanes": 8,
        "latency": 4,
        "ii": 1,
        "special_ii": 4,
        "word": "32 bit",
        "scratchpad": {"size": "256 KiB", "port": "32 B"},
    },
    "host": {"node": [0, 0]},
}

_PULSED: dict[str, Any] = {
    "model": "constant-step",
    "parameters": {"dw_min": 0.002, "dw_min_ctoc": 0.3, "w_max": 1.0, "w_min": -1.0},
    "pulse": {"width": "1 ns", "gap": "1 ns", "amplitude": "1 V", "scheme": "half-select"},
}


def hand_target(*, device: str = "pulsed", **changes: Any) -> Target:
    """A 4 x 4 chip of 16 x 16 tiles.

    Args:
        device: `pulsed`, or `ideal`, which reads and adds exactly, on the same tiles and with the same clock.
        changes: values of the target by path, parts joined by two underscores: `chip__mesh="2 x 2"`.
    """
    tree: dict[str, Any] = _copy(
        {
            "name": f"hand-{device}",
            "summary": "made by hand",
            "device": _PULSED if device == "pulsed" else {"model": "ideal"},
            "tile": _TILE,
            "chip": _CHIP,
            "not_modelled": ["energy", "area"],
        }
    )
    if device == "ideal":
        tree["tile"]["update"]["train_length"] = 0
    for path, value in changes.items():
        *above, last = path.split("__")
        place = tree
        for part in above:
            place = place[part]
        place[last] = value
    return Target.model_validate(tree)


def _copy(tree: Any) -> Any:
    return {key: _copy(value) for key, value in tree.items()} if isinstance(tree, dict) else tree
