"""Colours of components and states: one hue a family, its members told apart by lightness.

Families and the order inside a bar are fixed, so a component looks the same on every page. Hues are those of Okabe and
Ito's palette for colour-blind readers (doi 10.1038/nmeth.1618 reprints it); the values stand in `style.css.j2`.
"""

FAMILIES = (
    ("crossbar", ("device", "array", "driver")),
    ("converters", ("adc", "dac", "shift_add")),
    ("memory", ("buffer", "scratchpad", "dram")),
    ("digital", ("vector",)),
    ("network", ("link",)),
    ("host", ("host",)),
    ("leakage", ("leakage",)),
)
"""Components of the ledger by family, in the order in which bars show them."""

COMPONENTS = tuple(name for _, members in FAMILIES for name in members)

STATES = ("busy", "converter", "credit", "message", "barrier")
"""States of a unit in the order in which bars show them."""

STATE_WORDS = {
    "busy": "at work",
    "converter": "waits for a converter bank",
    "credit": "waits for a credit (the receiver's buffer is full)",
    "message": "waits for a message",
    "barrier": "waits for a barrier",
    "finished": "finished",
}

PHASES = ("program", "forward", "backward", "update", "transfer", "evaluation", "idle")
"""Phases in the order in which a person meets them."""

REASONS = (
    ("order", "s-busy", "then the same unit went on"),
    ("message", "s-message", "then its result was awaited"),
    ("credit", "s-credit", "then room in a buffer was awaited"),
    ("converter", "s-converter", "then the converters were awaited"),
    ("link", "r-link", "then the link was awaited"),
    ("end", "s-finished", "then the step was over"),
)
"""What the next span of a critical path waited for: name, CSS class, words; in the order in which bars show them."""


def by_component(name: str) -> tuple[int, str]:
    """Sort key: known components in their order, others after them by name."""
    return (COMPONENTS.index(name) if name in COMPONENTS else len(COMPONENTS), name)


def component_class(name: str) -> str:
    """CSS class of a component's colour."""
    return f"c-{name}" if name in COMPONENTS else "c-other"
