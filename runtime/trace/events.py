"""Trace events as JSON text, in the Trace Event Format of Chrome and Perfetto.

Times are microseconds with picoseconds behind the point. They are made from whole picoseconds, so that what ends in a
cycle and what begins in it have the same time.
"""

import json
from collections.abc import Mapping
from typing import Any

STEPS, TILES, VECTORS, HOST, LINKS, POWER, DRAM = range(1, 8)
"""Process numbers: one group of tracks each."""

GROUPS = {
    STEPS: "steps",
    TILES: "tiles",
    VECTORS: "vector units",
    HOST: "host",
    LINKS: "links",
    POWER: "power",
    DRAM: "DRAM channels",
}


class Ruler:
    """Turns cycles into times.

    Args:
        clock_hz: of the chip.
    """

    def __init__(self, clock_hz: float) -> None:
        self._clock_hz = clock_hz

    def picoseconds(self, cycle: int) -> int:
        """Time of a cycle's start."""
        return round(cycle * 1e12 / self._clock_hz)

    def span(self, begin: int, end: int) -> tuple[str, str]:
        """Time and duration of the cycles from `begin` to before `end`, as JSON numbers in microseconds."""
        start = self.picoseconds(begin)
        return microseconds(start), microseconds(self.picoseconds(end) - start)


def microseconds(picoseconds: int) -> str:
    """A JSON number."""
    whole, rest = divmod(picoseconds, 10**6)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def track(group: int, number: int, name: str) -> list[str]:
    """Name a track, and keep it in the order of its number."""
    head = f'"ph":"M","pid":{group},"tid":{number}'
    return [
        f'{{{head},"name":"thread_name","args":{{"name":{json.dumps(name)}}}}}',
        f'{{{head},"name":"thread_sort_index","args":{{"sort_index":{number}}}}}',
    ]


def group_names(groups: set[int]) -> list[str]:
    """Name groups of tracks, and keep them in order."""
    found = []
    for group in sorted(groups):
        head = f'"ph":"M","pid":{group},"tid":0'
        found.append(f'{{{head},"name":"process_name","args":{{"name":"{GROUPS[group]}"}}}}')
        found.append(f'{{{head},"name":"process_sort_index","args":{{"sort_index":{group}}}}}')
    return found


def piece(group: int, number: int, span: tuple[str, str], name: str, category: str, args: Mapping[str, Any]) -> str:
    """A slice of a track."""
    return (
        f'{{"ph":"X","pid":{group},"tid":{number},"ts":{span[0]},"dur":{span[1]},"name":{json.dumps(name)},'
        f'"cat":{json.dumps(category)},"args":{json.dumps(args, separators=(",", ":"))}}}'
    )


def counter(name: str, time: str, values: Mapping[str, float]) -> str:
    """Values of a counter from this time on."""
    args = json.dumps(values, separators=(",", ":"))
    return f'{{"ph":"C","pid":{POWER},"tid":0,"ts":{time},"name":"{name}","args":{args}}}'
