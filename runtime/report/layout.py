"""Where things are on the chip: tiles with their blocks, nodes of the mesh, and what each used."""

import re
from dataclasses import dataclass

from ohmflow.runtime.ledger.activity import FINISHED
from ohmflow.runtime.report.record import RunFiles

_PLACE = re.compile(r"\((\d+),(\d+)\)")


@dataclass(frozen=True)
class PlacedBlock:
    """A rectangle of an array on a tile; rows and columns of the array, place on the tile."""

    array: str
    row0: int
    col0: int
    rows: int
    cols: int
    tile_row: int
    tile_col: int
    whole: bool

    @property
    def label(self) -> str:
        """Name of the array, with the part of it that is here when it is cut."""
        if self.whole:
            return self.array
        return f"{self.array}[{self.row0}:{self.row0 + self.rows}, {self.col0}:{self.col0 + self.cols}]"


@dataclass(frozen=True)
class TileUse:
    """A tile that holds weights.

    Attributes:
        name: of the unit.
        node: (x, y) on the mesh, or None on a target without one.
        blocks: on it.
        used: share of its cells that hold weights.
        busy: share of the run's cycles in which it was at work, or None without time.
        joules: of the run, or None where nothing has a price.
    """

    name: str
    node: tuple[int, int] | None
    blocks: tuple[PlacedBlock, ...]
    used: float
    busy: float | None
    joules: float | None


def place_of(name: str) -> tuple[int, int] | None:
    """Node in the name of a unit or link, such as (2, 0) of `east(2,0)`."""
    found = _PLACE.search(name)
    return (int(found[1]), int(found[2])) if found else None


def busy_cycles(record: RunFiles) -> dict[str, int]:
    """Cycles in which each unit was at work."""
    busy: dict[str, int] = {}
    for (unit, _, state), n in record.states.items():
        if state == "busy":
            busy[unit] = busy.get(unit, 0) + n
        elif state == FINISHED:
            busy.setdefault(unit, 0)
    return busy


def used_tiles(record: RunFiles) -> list[TileUse]:
    """Tiles that hold weights, by row and column of the mesh."""
    blocks: dict[str, list[PlacedBlock]] = {}
    for array in record.facts["arrays"]:
        for b in array["blocks"]:
            blocks.setdefault(b["tile"], []).append(
                PlacedBlock(
                    array["name"],
                    b["row0"],
                    b["col0"],
                    b["rows"],
                    b["cols"],
                    b["tile_row"],
                    b["tile_col"],
                    len(array["blocks"]) == 1,
                )
            )
    target = record.facts["target"]
    cells = target["tile_rows"] * target["tile_cols"]
    busy, joules = busy_cycles(record), record.joules_by("unit")
    has_mesh = target["mesh"] is not None
    tiles = [
        TileUse(
            name,
            place_of(name) if has_mesh else None,
            tuple(placed),
            sum(b.rows * b.cols for b in placed) / cells,
            busy.get(name, 0) / record.cycles if record.cycles else None,
            joules.get(name) if record.joules is not None else None,
        )
        for name, placed in blocks.items()
    ]
    return sorted(tiles, key=lambda t: ((t.node or (0, 0))[::-1], _natural(t.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which tile 10 comes after tile 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
