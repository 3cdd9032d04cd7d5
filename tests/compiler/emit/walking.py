"""Walking a schedule's streams in plain Python: which instructions run, and where their counts are."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ohmflow.compiler.program.schedule import Schedule


def walk(schedule: Schedule) -> Iterator[tuple[int, int]]:
    """Every execution of every instruction, unit by unit, in order: (instruction, address of its count or -1)."""
    loops = {
        (int(row["parent"]), int(row["begin"])): (k, int(row["end"]), int(row["trip"]), _place(row))
        for k, row in reversed(list(enumerate(schedule.loops)))
    }
    places = [_place(row) for row in schedule.instructions]

    def block(at: int, end: int, inside: int, ordinals: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        while at < end:
            found = loops.get((inside, at))
            if found is None:
                yield at, _address(places[at], ordinals)
                at += 1
                continue
            loop, last, trip, place = found
            if place[0] >= 0:
                trip = int(schedule.counts[_address(place, ordinals)])
            for ordinal in range(trip):
                yield from block(at, last, loop, (*ordinals, ordinal))
            at = last

    for begin, end in pairwise(schedule.stream.tolist()):
        yield from block(begin, end, -1, ())


def _place(row: np.void) -> tuple[int, list[int]]:
    return int(row["count"]), row["stride"].tolist()


def _address(place: tuple[int, list[int]], ordinals: tuple[int, ...]) -> int:
    base, strides = place
    return base if base < 0 else base + sum(o * s for o, s in zip(ordinals, strides, strict=False))
