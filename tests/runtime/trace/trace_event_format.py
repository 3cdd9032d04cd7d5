"""A strict validator of the Trace Event Format's JSON object form, which knows nothing of ohmflow.

Source: "Trace Event Format", the document of the Chromium project: the kinds of event below, the keys that each has to
have, nesting of duration events, metadata. Beyond it: processes and threads that events use are named, and times of a
track do not go back, so that viewers need not sort.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

Event = dict[str, Any]

_COMMON = {"ph", "name", "pid", "tid"}
_NEEDED = {"X": {"ts", "dur"}, "B": {"ts"}, "E": {"ts"}, "C": {"ts", "args"}, "M": {"args"}, "i": {"ts", "s"}}
_ALLOWED = {"X": {"cat", "args"}, "B": {"cat", "args"}, "E": {"cat", "args"}, "C": {"cat", "id"}, "i": {"cat", "args"}}
_METADATA = {
    "process_name": ("name", str),
    "process_sort_index": ("sort_index", int),
    "process_labels": ("labels", str),
    "thread_name": ("name", str),
    "thread_sort_index": ("sort_index", int),
}
_EPSILON = 1e-9
"""Microseconds; times of the trace have picoseconds."""


def faults_of(text: str) -> list[str]:
    """What is wrong with a trace, a sentence each."""
    try:
        trace = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except ValueError as error:
        return [f"not JSON: {error}"]
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["must be an object with a list traceEvents"]
    if trace.get("displayTimeUnit", "ms") not in ("ms", "ns"):
        return [f"displayTimeUnit must be ms or ns, not {trace['displayTimeUnit']}"]
    events = trace["traceEvents"]
    shapes = [f"event {k}: {fault}" for k, event in enumerate(events) for fault in _shape(event)]
    if shapes:
        return shapes
    return [fault for check in _CHECKS for fault in check(events)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError(f"a key stands twice in {[key for key, _ in pairs]}")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shape(event: Any) -> Iterator[str]:
    if not isinstance(event, dict):
        yield "must be an object"
        return
    kind = event.get("ph")
    if kind not in _NEEDED:
        yield f"ph must be one of {', '.join(_NEEDED)}, not {kind!r}"
        return
    keys, needed = set(event), _COMMON | _NEEDED[kind]
    if needed - keys:
        yield f"{kind} must have {', '.join(sorted(needed - keys))}"
        return
    if keys - needed - _ALLOWED.get(kind, set()):
        yield f"{kind} must not have {', '.join(sorted(keys - needed - _ALLOWED.get(kind, set())))}"
    if not isinstance(event["name"], str) or not event["name"]:
        yield "name must be a text"
    for key in ("pid", "tid"):
        if type(event[key]) is not int:
            yield f"{key} must be a whole number, not {event[key]!r}"
    for key in ("ts", "dur"):
        if key in event and not (_is_number(event[key]) and event[key] >= 0):
            yield f"{key} must be a number of at least 0, not {event[key]!r}"
    if "cat" in event and not isinstance(event["cat"], str):
        yield "cat must be a text"
    args = event.get("args", {})
    if not isinstance(args, dict):
        yield "args must be an object"
    elif kind == "C" and (not args or not all(_is_number(v) for v in args.values())):
        yield f"a counter must have numbers, not {args!r}"
    elif kind == "M":
        key, type_ = _METADATA.get(event["name"], ("", object))
        if not key or set(args) != {key} or type(args[key]) is not type_:
            yield f"metadata must be known and have its one value, not {event['name']} with {args!r}"


def _named(events: list[Event]) -> Iterator[str]:
    """Processes and threads have one name each; counters are of a process."""
    names: dict[tuple[str, int, int], int] = defaultdict(int)
    for event in events:
        if event["ph"] == "M":
            tid = event["tid"] if event["name"].startswith("thread") else 0
            names[event["name"], event["pid"], tid] += 1
    yield from (f"{name} of {pid}/{tid} is given {n} times" for (name, pid, tid), n in names.items() if n > 1)
    used = {(e["pid"], e["tid"]) for e in events if e["ph"] in ("X", "B", "E", "i")}
    yield from (f"thread {p}/{t} has no name" for p, t in sorted(used) if ("thread_name", p, t) not in names)
    pids = {e["pid"] for e in events if e["ph"] != "M"}
    yield from (f"process {p} has no name" for p in sorted(pids) if ("process_name", p, 0) not in names)


def _in_order(events: list[Event]) -> Iterator[str]:
    """Times of a thread, and of a counter, do not go back."""
    last: dict[tuple[Any, ...], float] = {}
    for k, event in enumerate(events):
        if "ts" not in event:
            continue
        track = (event["pid"], event["name"]) if event["ph"] == "C" else (event["pid"], event["tid"], "slices")
        if event["ts"] < last.get(track, 0.0):
            yield f"event {k}: ts goes back from {last[track]} to {event['ts']} on {track}"
        last[track] = event["ts"]


def _nested(events: list[Event]) -> Iterator[str]:
    """Begins have ends, by name; slices of a thread lie inside each other or beside each other."""
    open_begins: dict[tuple[int, int], list[str]] = defaultdict(list)
    open_slices: dict[tuple[int, int], list[float]] = defaultdict(list)
    for k, event in enumerate(events):
        thread = (event["pid"], event["tid"])
        match event["ph"]:
            case "B":
                open_begins[thread].append(event["name"])
            case "E":
                if not open_begins[thread] or open_begins[thread].pop() != event["name"]:
                    yield f"event {k}: E {event['name']} ends nothing that began"
            case "X":
                ends, end = open_slices[thread], event["ts"] + event["dur"]
                while ends and ends[-1] <= event["ts"] + _EPSILON:
                    ends.pop()
                if ends and end > ends[-1] + _EPSILON:
                    yield f"event {k}: X {event['name']} reaches over the end of the slice around it"
                ends.append(end)
    yield from (f"thread {t}: B {names[-1]} has no end" for t, names in open_begins.items() if names)


def _counters(events: list[Event]) -> Iterator[str]:
    """A counter has the same series in all of its events, but for a last one."""
    series: dict[tuple[int, str], set[str]] = {}
    for k, event in enumerate(events):
        if event["ph"] == "C":
            own = series.setdefault((event["pid"], event["name"]), set(event["args"]))
            if set(event["args"]) - own:
                yield f"event {k}: counter {event['name']} has series that its first event lacks"


_CHECKS: tuple[Callable[[list[Event]], Iterator[str]], ...] = (_named, _in_order, _nested, _counters)
