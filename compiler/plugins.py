"""Extensions of the compiler by name: ours, and those of installed packages through an entry-point group.

A plug-in that can not be loaded is told in a warning and left out, so that it stops nobody who does not use it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import TypeVar
from warnings import warn

from ohmflow.compiler.errors import ChoiceError

T = TypeVar("T")


def extensions(group: str, what: str, ours: Mapping[str, T]) -> dict[str, T]:
    """List extensions.

    Args:
        group: entry-point group.
        what: what they are, for messages, such as `rule`.
        ours: by name.

    Returns:
        By name; a plug-in's entry is whatever its entry point names.

    Raises:
        ChoiceError: two have one name.
    """
    known = dict(ours)
    origin = dict.fromkeys(ours, "ohmflow")
    for point in sorted(entry_points(group=group), key=lambda p: (p.name, p.value)):
        told = f"{point.value} of {point.dist.name if point.dist is not None else 'an unknown package'}"
        if origin.get(point.name) == told:
            continue  # one package seen twice on the path
        if point.name in known:
            raise ChoiceError(
                f"{what} '{point.name}': the name must be used once, not by {origin[point.name]} and {told}; "
                "uninstall or rename one"
            )
        try:
            known[point.name] = point.load()
        except Exception as error:  # whatever an outsider's module raises must not stop the others
            warn(f"{what} plug-in '{point.name}' ({told}) can not be loaded: {error}", stacklevel=2)
            continue
        origin[point.name] = told
    return known


def choose(option: str, name: str, known: Mapping[str, T]) -> T:
    """Look an extension up by the name that a user gave.

    Raises:
        ChoiceError: it is not known; the nearest name is offered.
    """
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else "choose one of them"
    raise ChoiceError(f"{option}: must be one of {', '.join(sorted(known))}, not '{name}'; {hint}")
