"""What `not_modelled` covers.

A path covers itself and all below it. Three words stand for a whole kind: `time`, `energy` (every energy and leakage)
and `area`.
"""

from collections.abc import Iterable

KINDS = ("time", "energy", "area")
VIRTUAL = ("driver", "array")
"""Costs of a tile that follow from other figures and so have no key of their own."""


def is_energy_path(path: str) -> bool:
    """Whether a path names an energy or leakage, by the naming rule of the schema."""
    last = path.rpartition(".")[2]
    return "energy" in last.split("_") or last == "leakage" or path in {f"tile.{name}" for name in VIRTUAL}


def covers(not_modelled: Iterable[str], path: str) -> bool:
    """Whether any of the paths covers `path`."""
    for entry in not_modelled:
        if path == entry or path.startswith(f"{entry}."):
            return True
        if entry == "energy" and is_energy_path(path):
            return True
        if entry == "area" and path.rpartition(".")[2] == "area":
            return True
    return False
