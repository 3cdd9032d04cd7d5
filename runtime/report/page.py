"""The page of one run."""

from typing import Any

from markupsafe import Markup

from ohmflow.runtime.report.colours import COMPONENTS, STATE_WORDS, STATES, component_class
from ohmflow.runtime.report.critical_view import critical_view
from ohmflow.runtime.report.energy_view import cells, energy_bars, energy_table, uncertain_figures
from ohmflow.runtime.report.floorplan import tile_drawing
from ohmflow.runtime.report.layer_view import layers
from ohmflow.runtime.report.layout import used_tiles
from ohmflow.runtime.report.line_chart import Line, line_chart
from ohmflow.runtime.report.memory_view import memory_view
from ohmflow.runtime.report.mesh import mesh_map
from ohmflow.runtime.report.power_view import power_view
from ohmflow.runtime.report.record import RunFiles
from ohmflow.runtime.report.templates import render
from ohmflow.runtime.report.time_view import busiest_links, busiest_units, time_by_kind

_CARDS = 64
"""Tiles drawn in detail, at most."""

_ACCURACIES = (
    ("test_accuracy_analog", "test, on the chip", "l-0"),
    ("test_accuracy", "test, exported", "l-1"),
    ("val_accuracy", "validation, exported", "l-2"),
)


def run_page(record: RunFiles) -> str:
    """Make the page of a run; its bytes follow from the record."""
    target = record.facts["target"]
    tiles = used_tiles(record)
    detailed = sorted(tiles, key=lambda t: -(t.joules or 0.0))[:_CARDS] if len(tiles) > _CARDS else tiles
    priced, others = uncertain_figures(record)
    values: dict[str, Any] = {
        "title": f"{record.summary['model']} on {target['name']}",
        "s": record.summary,
        "facts": record.facts,
        "target": target,
        "last": {name: _last(record.summary[name]) for name, *_ in _ACCURACIES},
        "loss_chart": _loss_chart(record),
        "accuracy_chart": _accuracy_chart(record),
        "accuracies_key": [
            (name, style, words) for name, words, style in _ACCURACIES if _last(record.summary[name]) is not None
        ],
        "energy": energy_table(record),
        "energy_bars": energy_bars(record, leaking=True),
        "dynamic_bars": energy_bars(record, leaking=False) if "leakage" in record.joules_by("component") else None,
        "components_key": [(name, component_class(name), name) for name in _components(record)],
        "states": [(state, f"s-{state}", STATE_WORDS[state]) for state in STATES],
        "finished": STATE_WORDS["finished"],
        "kinds": time_by_kind(record),
        "units": busiest_units(record),
        "links": busiest_links(record),
        "memory": memory_view(record),
        "power": power_view(record),
        "critical": critical_view(record),
        "mesh": mesh_map(record),
        "tiles": tiles,
        "cards": [(tile, tile_drawing(tile, target["tile_rows"], target["tile_cols"])) for tile in detailed],
        "layers": layers(record),
        "priced": priced,
        "others": others,
    }
    return render("page.html.j2", values)


def _last(values: list[float | None]) -> float | None:
    """The last value that there is."""
    return next((v for v in reversed(values) if v is not None), None)


def _components(record: RunFiles) -> list[str]:
    found = {component for _, component in cells(record)}
    return [name for name in COMPONENTS if name in found] + sorted(found - set(COMPONENTS))


def _loss_chart(record: RunFiles) -> Markup | None:
    losses, epochs = record.summary["train_loss"], record.summary["epochs"]
    if not losses:
        return None
    return line_chart([Line("training loss", "l-0", tuple(epochs), tuple(losses))], "mean training loss")


def _accuracy_chart(record: RunFiles) -> Markup | None:
    epochs = tuple(record.summary["epochs"])
    lines = [
        Line(words, style, epochs, tuple(record.summary[name]))
        for name, words, style in _ACCURACIES
        if _last(record.summary[name]) is not None
    ]
    return line_chart(lines, "accuracy, %", as_percent=True) if lines else None
