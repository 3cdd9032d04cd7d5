"""The mesh: nodes with their tiles, vector units and host, and the load of every link between them."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ohmflow.runtime.report.floorplan import blocks_of
from ohmflow.runtime.report.layout import TileUse, busy_cycles, place_of, used_tiles
from ohmflow.runtime.report.quantities import integer, percent, scaled
from ohmflow.runtime.report.record import RunFiles
from ohmflow.runtime.report.svg import drawing, element, group, shortened, text

_PITCH, _NODE, _MARGIN = 132.0, 92.0, 26.0
_STRIP = 20.0
_WHOLE = 6
"""Meshes of at most so many columns (rows) are drawn whole; of larger ones, what is used and its surroundings."""

_STEPS = {"east": (1, 0), "west": (-1, 0), "south": (0, 1), "north": (0, -1)}
_INSIDE = ("local", "inject", "eject")


@dataclass(frozen=True)
class MeshMap:
    """The drawing, the columns and rows of the mesh that it shows, and its width in nodes."""

    svg: Markup
    columns: tuple[int, int]
    rows: tuple[int, int]
    whole: bool


def mesh_map(record: RunFiles) -> MeshMap | None:
    """Draw the mesh, or None on a target without one."""
    mesh = record.facts["target"]["mesh"]
    if mesh is None:
        return None
    columns, rows = _shown(record, mesh[0], 0), _shown(record, mesh[1], 1)
    parts: list[Markup] = []
    parts += _borders(record, columns, rows)
    parts += _links(record, columns, rows)
    parts += _nodes(record, columns, rows)
    for x in range(*columns):
        parts.append(text(_x(x, columns) + _NODE / 2, 16, str(x), "tick", "middle"))
    for y in range(*rows):
        parts.append(text(14, _y(y, rows) + _NODE / 2, str(y), "tick", "middle"))
    width = _MARGIN + (columns[1] - columns[0]) * _PITCH - (_PITCH - _NODE) + 6
    height = _MARGIN + (rows[1] - rows[0]) * _PITCH - (_PITCH - _NODE) + 6
    whole = columns == (0, mesh[0]) and rows == (0, mesh[1])
    svg = drawing(parts, width, height, "mesh with tiles and load of links", "mesh")
    return MeshMap(svg, columns, rows, whole)


def _shown(record: RunFiles, size: int, axis: int) -> tuple[int, int]:
    """First and one past the last column (row) to draw."""
    if size <= _WHOLE:
        return (0, size)
    units = [(u["x"], u["y"])[axis] for u in record.facts["units"]]
    links = [place[axis] for name in record.links if (place := place_of(name)) is not None]
    used = units + links or [0]
    return max(0, min(used) - 1), min(size, max(used) + 2)


def _x(column: int, columns: tuple[int, int]) -> float:
    return _MARGIN + (column - columns[0]) * _PITCH


def _y(row: int, rows: tuple[int, int]) -> float:
    return _MARGIN + (row - rows[0]) * _PITCH


def _nodes(record: RunFiles, columns: tuple[int, int], rows: tuple[int, int]) -> list[Markup]:
    tiles: dict[tuple[int, int], list[TileUse]] = {}
    for tile in used_tiles(record):
        if tile.node is not None:
            tiles.setdefault(tile.node, []).append(tile)
    units: dict[tuple[int, int, str], str] = {}
    for u in record.facts["units"]:
        units.setdefault((u["x"], u["y"], u["kind"]), u["name"])  # of the host's two, the one that sends
    busy = busy_cycles(record)
    parts = []
    for y in range(*rows):
        for x in range(*columns):
            left, top = _x(x, columns), _y(y, rows)
            inside = [element("rect", x=left, y=top, width=_NODE, height=_NODE, class_="node", rx=3)]
            inside += _tiles(record, tiles.get((x, y), []), left, top)
            marks = [(kind, units[x, y, kind]) for kind in ("vector", "host") if (x, y, kind) in units]
            for k, (kind, name) in enumerate(marks):
                part = busy.get(name, 0) / record.cycles if record.cycles else 0.0
                inside.append(_mark(left + 4 + 30 * k, top + _NODE - _STRIP, kind, name, part))
            inside += _inner_links(record, x, y, left, top)
            parts.append(group(inside))
    return parts


def _tiles(record: RunFiles, tiles: list[TileUse], left: float, top: float) -> list[Markup]:
    """The tiles of a node side by side, each with its energy above."""
    if not tiles:
        return []
    target = record.facts["target"]
    room = _NODE - _STRIP - 14.0
    wide = (_NODE - 6.0) / len(tiles)
    scale = min(room / target["tile_rows"], (wide - 2) / target["tile_cols"])
    width, height = scale * target["tile_cols"], scale * target["tile_rows"]
    parts = []
    for k, tile in enumerate(tiles):
        x = left + 3 + k * wide + (wide - width) / 2
        parts += blocks_of(tile, target["tile_rows"], target["tile_cols"], x, top + 13, width, height, 8.5)
        if tile.joules is not None:
            words = shortened(scaled(tile.joules, "J"), wide, 9.5)
            parts.append(text(x + width / 2, top + 10, words, "energy", "middle"))
    return parts


def _mark(x: float, y: float, kind: str, name: str, busy: float) -> Markup:
    title = element("title", f"{name}: at work {percent(busy)} of the time")
    box = element("rect", title, x=x, y=y + 2, width=27, height=14, rx=7, class_="unit", fill_opacity=0.08 + 0.7 * busy)
    return group([box, text(x + 13.5, y + 12.5, {"vector": "vec", "host": "host"}[kind], "unit-name", "middle")])


def _inner_links(record: RunFiles, x: int, y: int, left: float, top: float) -> list[Markup]:
    """Local, inject and eject as three bars whose height is their share of busy cycles; only where one is used."""
    names = [f"{kind}({x},{y})" for kind in _INSIDE]
    if not any(name in record.links for name in names):
        return []
    parts = []
    for k, name in enumerate(names):
        flits, wait = record.links.get(name, (0, 0))
        part = flits / record.cycles if record.cycles else 0.0
        at_x, base = left + _NODE - 27 + 8 * k, top + _NODE - 4
        title = element("title", _link_title(name, flits, wait, part))
        parts.append(element("rect", title, x=at_x, y=base - 14, width=6, height=14, class_="slot"))
        parts.append(
            element("rect", title, x=at_x, y=base - 14 * part, width=6, height=14 * part, class_="load", stroke="none")
        )
    return parts


def chip_of(target: dict[str, Any], x: int, y: int) -> tuple[int, int]:
    """Column and row of the chip on which a node is; (0, 0) for all nodes where the mesh is one chip."""
    across, down = target.get("chips") or (1, 1)
    columns, rows = target["mesh"]
    return x * across // columns, y * down // rows


def link_cycles(target: dict[str, Any], name: str) -> int:
    """Cycles that each flit takes a link of that name: those of a border where it leads from one chip to another."""
    kind, (x, y) = name.split("(")[0], place_of(name) or (0, 0)
    if kind not in _STEPS or not target.get("chips"):
        return 1
    dx, dy = _STEPS[kind]
    crosses = chip_of(target, x, y) != chip_of(target, x + dx, y + dy)
    return int(target["border_flit_cycles"]) if crosses else 1


def _borders(record: RunFiles, columns: tuple[int, int], rows: tuple[int, int]) -> list[Markup]:
    """Broken lines where one chip of a package ends and the next begins."""
    target = record.facts["target"]
    if not target.get("chips"):
        return []
    left, top = _x(columns[0], columns), _y(rows[0], rows)
    right, bottom = _x(columns[1] - 1, columns) + _NODE, _y(rows[1] - 1, rows) + _NODE
    half = (_PITCH - _NODE) / 2
    style = {"class_": "border", "stroke_dasharray": "7 5"}
    parts = []
    for x in range(columns[0] + 1, columns[1]):
        if chip_of(target, x - 1, 0) != chip_of(target, x, 0):
            parts.append(
                element("line", x1=_x(x, columns) - half, y1=top, x2=_x(x, columns) - half, y2=bottom, **style)
            )
    for y in range(rows[0] + 1, rows[1]):
        if chip_of(target, 0, y - 1) != chip_of(target, 0, y):
            parts.append(element("line", x1=left, y1=_y(y, rows) - half, x2=right, y2=_y(y, rows) - half, **style))
    return parts


def _links(record: RunFiles, columns: tuple[int, int], rows: tuple[int, int]) -> list[Markup]:
    """Links between neighbours, drawn to the right of their direction; width and strength by load."""
    most = max((record.links.get(n, (0, 0))[0] for n in record.links if n.split("(")[0] in _STEPS), default=0)
    parts = []
    for y in range(*rows):
        for x in range(*columns):
            for kind, (dx, dy) in _STEPS.items():
                if not (columns[0] <= x + dx < columns[1] and rows[0] <= y + dy < rows[1]):
                    continue
                centre = (_x(x, columns) + _NODE / 2, _y(y, rows) + _NODE / 2)
                parts.append(_arrow(record, f"{kind}({x},{y})", centre, (dx, dy), most))
    return parts


def _arrow(record: RunFiles, name: str, centre: tuple[float, float], step: tuple[int, int], most: int) -> Markup:
    dx, dy = step
    side = 10.0
    x, y = centre[0] - dy * side, centre[1] + dx * side
    start, end = _NODE / 2 + 3, _PITCH - _NODE / 2 - 3
    x1, y1, x2, y2 = x + dx * start, y + dy * start, x + dx * end, y + dy * end
    if name not in record.links:
        return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="unused")
    flits, wait = record.links[name]
    cycles = flits * link_cycles(record.facts["target"], name)
    share = cycles / record.cycles if record.cycles else 0.0
    strength = flits / most if most else 0.0
    title = element("title", _link_title(name, flits, wait, share))
    half = 2.0 + 3.5 * strength
    neck_x, neck_y = x2 - dx * 8, y2 - dy * 8
    points = [
        (x1 - dy * half / 2, y1 + dx * half / 2),
        (neck_x - dy * half / 2, neck_y + dx * half / 2),
        (neck_x - dy * (half + 2), neck_y + dx * (half + 2)),
        (x2, y2),
        (neck_x + dy * (half + 2), neck_y - dx * (half + 2)),
        (neck_x + dy * half / 2, neck_y - dx * half / 2),
        (x1 + dy * half / 2, y1 - dx * half / 2),
    ]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    return element("polygon", title, points=path, class_="load", fill_opacity=0.3 + 0.7 * strength)


def _link_title(name: str, flits: int, wait: int, share: float) -> str:
    return (
        f"{name}: {integer(flits)} flits, busy {percent(share, 2)} of the time; packets waited {integer(wait)} cycles"
    )
