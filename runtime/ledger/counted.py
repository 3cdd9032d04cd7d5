"""What books of events have counted, out of them and back: the part of a checkpoint that the bill follows from."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

_GIVEN = frozenset({"program", "_program", "tile", "_static", "_tile_unit", "array_of", "layer_of"})
"""Attributes of books that follow from the program and the target; all others are counts."""


def counts_of(book: object) -> dict[str, Any]:
    """Everything that a book counted, the open epoch's counts too, by attribute; a copy.

    Args:
        book: whose attributes are numbers, arrays, dictionaries, or books themselves.
    """
    return {
        name: counts_of(value) if _is_book(value) else deepcopy(value)
        for name, value in vars(book).items()
        if name not in _GIVEN
    }


def take_counts(book: object, counts: Mapping[str, Any]) -> None:
    """Put counts into a book of the same program and target.

    Args:
        book: a new one.
        counts: what `counts_of` returned.

    Raises:
        ValueError: they are not of such a book.
    """
    own = {name: value for name, value in vars(book).items() if name not in _GIVEN}
    if set(counts) != set(own):
        raise ValueError(f"a book of events holds {', '.join(sorted(own))}, not {', '.join(sorted(counts))}")
    for name, value in counts.items():
        if _is_book(own[name]):
            take_counts(own[name], value)
            continue
        if isinstance(value, np.ndarray) and value.shape != own[name].shape:
            raise ValueError(f"'{name}' of a book of events has another shape")
        setattr(book, name, deepcopy(value))


def _is_book(value: object) -> bool:
    return type(value).__module__.startswith("ohmflow.")
