"""The area of a chip by its parts, as `ohmflow targets show` prints it."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from ohmflow.targets.area import AreaNode


def area_data(node: AreaNode) -> dict[str, Any]:
    """A part and all below it as JSON-able data, areas in mm²."""
    return {
        "name": node.name,
        "count": node.count,
        "each_mm2": node.each_mm2,
        "total_mm2": node.total_mm2,
        "confidence": node.confidence,
        "missing": list(node.missing),
        "parts": [area_data(part) for part in node.parts],
    }


def area_table(data: dict[str, Any]) -> Table:
    """A table of what `area_data` gave; parts are indented below what they are parts of."""
    table = Table(box=None, pad_edge=False, header_style="bold", title="Area", title_justify="left")
    for name in ("Part", "Count", "Each", "Together", "Share", "Confidence"):
        table.add_column(name, justify="left" if name in ("Part", "Confidence") else "right", no_wrap=True)
    _add(table, data, 0, data["each_mm2"])
    return table


def _add(table: Table, part: dict[str, Any], depth: int, above: float) -> None:
    name = "  " * depth + escape(part["name"])
    if part["missing"] and not part["parts"]:
        table.add_row(name, f"{part['count']:,}", "not modelled")
        return
    share = f"{100 * part['total_mm2'] / above:.1f} %" if above else ""
    each, total = (_millimetres(part[key]) for key in ("each_mm2", "total_mm2"))
    style = "yellow" if part["confidence"] == "low" else None
    table.add_row(name, f"{part['count']:,}", each, total, share, part["confidence"], style=style)
    for below in part["parts"]:
        _add(table, below, depth + 1, part["each_mm2"])


def _millimetres(area: float) -> str:
    if 0 < area < 0.01:
        return f"{1e6 * area:,.4g} µm²"
    return f"{area:,.4g} mm²"
