"""`ohmflow compile --explain` as a person reads it: a table of nodes, and sums."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ohmflow.compiler.explain.explanation import ArrayPlace, Explanation, NodeRow
from ohmflow.runtime.cli.show import console
from ohmflow.runtime.cli.show_memory import memory_lines
from ohmflow.runtime.cli.show_rules import rule_lines
from ohmflow.runtime.cli.units import percent

_WIDE = 150
"""Columns where the output is no terminal: reasons are long, and names are to be found whole by grep."""

_STYLES = {"array": "bold", "refused": "bold red", "folded": "dim", "removed": "dim", "undecided": "dim"}


def show_explanation(told: Explanation) -> None:
    """Print an explanation on stdout."""
    screen = console()
    if not screen.is_terminal:
        screen = Console(highlight=False, width=_WIDE)
    screen.print(f"[bold]{escape(told.model)}[/] for [bold]{escape(told.target)}[/]")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Node", overflow="fold", max_width=28)
    table.add_column("Operator", overflow="fold", max_width=20)
    table.add_column("Where", overflow="fold", min_width=24, ratio=4)
    for name in ("Weights", "MACs", "Other ops"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Trained by", no_wrap=True)
    table.add_column("Why", overflow="fold", min_width=24, ratio=6)
    for row in told.nodes:
        numbers = (row.weights + row.parameters, row.macs, row.operations)
        table.add_row(
            escape(row.node),
            escape(row.operator),
            escape(_where(row)),
            *(f"{number:,}" if number else "" for number in numbers),
            ", ".join(row.trained_by),
            escape(row.why),
            style=_STYLES.get(row.fate),
        )
    screen.print(table)
    if told.refusals:
        return  # the error that follows says each of them
    for line in rule_lines(told.rules):
        screen.print(escape(line), soft_wrap=True)
    for line in memory_lines(told.memory, told.has_dram):
        screen.print(line, soft_wrap=True)
    screen.print(
        f"{told.weights:,} weights on arrays, {told.parameters:,} digital parameters, on {told.tiles} "
        f"tile{'' if told.tiles == 1 else 's'}. One sample forward: {told.macs('array'):,} multiply-accumulates on "
        f"arrays, {told.macs('digital'):,} digital, and {told.operations:,} other digital operations"
        + (f": {percent(told.digital_share)} of the work stays digital." if told.digital_share is not None else "."),
        soft_wrap=True,
    )


def _where(row: NodeRow) -> str:
    if row.arrays:
        return _arrays(row.arrays)
    return {"digital": "vector unit", "folded": "folded away", "undecided": "–"}.get(row.fate, row.fate)


def _arrays(arrays: tuple[ArrayPlace, ...]) -> str:
    first = arrays[0]
    tiles = sorted({tile for array in arrays for tile in array.tiles})
    blocks = sum(array.blocks for array in arrays)
    name = f"array {first.name}" if len(arrays) == 1 else f"{len(arrays)} arrays {first.name} … {arrays[-1].name}"
    on = f" on tile{'' if len(tiles) == 1 else 's'} {_some(tiles)}" if tiles else ""
    return f"{name}, {first.rows} × {first.cols}, {blocks} block{'' if blocks == 1 else 's'}{on}"


def _some(tiles: list[int]) -> str:
    return ", ".join(map(str, tiles[:6])) + (", …" if len(tiles) > 6 else "")
