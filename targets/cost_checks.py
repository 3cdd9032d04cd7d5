"""Checks that no energy and no area is silently zero, and of what `not_modelled` lists."""

from collections.abc import Iterator
from difflib import get_close_matches

from ohmflow.targets.components.footprint import Footprint
from ohmflow.targets.components.protocol import Event
from ohmflow.targets.components.registry import all_events, all_footprints
from ohmflow.targets.schema.coverage import KINDS, covers
from ohmflow.targets.view import Fault, View


def costs(view: View) -> Iterator[Fault]:
    """No silent zero: what costs energy or area has a figure, or is said to have none."""
    serial = view.value("tile.read.inputs") == "bit-serial" and view.value("tile.read.accumulate") != "analog"
    if serial and view.given("tile.adc") and not view.given("tile.shift_add"):
        yield Fault(
            "tile.read",
            "tile.shift_add must be given where the codes of a bit-serial read's passes are added, not left out; "
            "add 'shift_add: {latency: 1, energy: 0.02 pJ, area: 60 um^2}' under tile, or 'accumulate: analog'",
            ("tile.shift_add",),
        )
    said: set[tuple[str, ...]] = set()
    for cost in _statements(areas=view.given("chip") and not view.given("inventory")):
        absent = tuple(path for path in cost.needs if not view.given(path))
        if covers(view.not_modelled, cost.path) or not view.section(cost.section) or not absent:
            continue
        if (cost.path, *absent) in said:
            continue
        said.add((cost.path, *absent))
        if absent == (cost.path,):
            text = (
                f"{cost.path} must be given, not left out, since no {_kind(cost)} is silently zero; "
                f"add it, or list '{cost.path}' under not_modelled"
            )
        else:
            them = "it" if len(absent) == 1 else "them"
            what = cost.path.removesuffix(".area").removesuffix(".energy")
            verb = "covers" if _kind(cost) == "area" else "costs"
            text = (
                f"{' and '.join(absent)} must be given, not left out, since what {what} {verb} follows "
                f"from {them}; add {them}, or list '{cost.path}' under not_modelled"
            )
        yield Fault(absent[0], text, absent)
    if "area" not in view.not_modelled and not view.given("chip") and view.value("tile.unlimited"):
        yield Fault(
            "not_modelled",
            "not_modelled must list area where there are as many tiles as needed; write 'not_modelled: [area]'",
        )


def _kind(cost: Event | Footprint) -> str:
    return "area" if isinstance(cost, Footprint) else "cost"


def _statements(areas: bool = True) -> tuple[Event | Footprint, ...]:
    """Everything that costs energy, and, where asked for, what covers area."""
    footprints: tuple[Event | Footprint, ...] = all_footprints() if areas else ()
    return all_events() + footprints


def nameable() -> tuple[str, ...]:
    """What `not_modelled` may list: the kinds, every cost, and the sections that enclose costs."""
    paths = {cost.path for cost in _statements()}
    enclosing = {path.rsplit(".", depth)[0] for path in paths for depth in range(1, path.count(".") + 1)}
    return (*KINDS, *sorted(paths | enclosing))


def not_modelled(view: View) -> Iterator[Fault]:
    """`not_modelled` names costs that exist, each once, and none that is given."""
    known = nameable()
    paths = {cost.path for cost in _statements()}
    seen: set[str] = set()
    for path in view.not_modelled:
        if path in seen:
            yield Fault("not_modelled", f"not_modelled must list '{path}' once, not twice; remove one of the two")
        seen.add(path)
        if path not in known:
            near = get_close_matches(path, known, n=1, cutoff=0.5)
            do = f"write '{near[0]}'" if near else f"write one of {', '.join(known)}"
            yield Fault("not_modelled", f"not_modelled must list costs, which '{path}' is not; {do}")
        elif path in paths and view.given(path) and not view.section(path):
            yield Fault(
                path, f"{path} must be either given or listed under not_modelled, not both; remove one of the two"
            )
