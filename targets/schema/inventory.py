"""`inventory:` power and area of a chip's parts as a publication gives them."""

from typing import Annotated, Literal

from pydantic import Field

from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.figure import Area, Power
from ohmflow.targets.schema.leaves import Choice, Count
from ohmflow.targets.schema.model import SectionModel

Kind = Literal["power", "area"]
KINDS: tuple[Kind, ...] = ("power", "area")
ComponentName = Annotated[
    Literal[
        "array",
        "driver",
        "dac",
        "adc",
        "shift_add",
        "buffer",
        "control",
        "tile",
        "vector unit",
        "scratchpad",
        "router",
        "link",
        "host",
    ],
    Choice(),
]
_ZERO = {"power": Quantity.parse("0 W"), "area": Quantity.parse("0 m^2")}


class Part(SectionModel):
    """`inventory.NAME:` one kind of part. Its own figures count in sums; those of its parts where it has none.

    Attributes:
        count: how many of it what encloses it has.
        component: what it is in the machine, if it is one thing there.
        power: W of one at its peak.
        area: m² of one.
        parts: what one consists of, as far as that is published.
    """

    count: Count = 1
    component: ComponentName | None = None
    power: Power | None = None
    area: Area | None = None
    parts: dict[str, "Part"] = Field(default_factory=dict)

    def own(self, kind: Kind) -> Quantity | None:
        """What is given for one of it, or None where only its parts have figures."""
        figure = self.power if kind == "power" else self.area
        return None if figure is None else figure.value

    def value(self, kind: Kind) -> Quantity:
        """Power or area of one: its own, or the sum of its parts."""
        own = self.own(kind)
        return total(self.parts, kind) if own is None else own

    def is_known(self, kind: Kind) -> bool:
        """Whether it, or all that it consists of, has a figure."""
        return self.own(kind) is not None or (
            bool(self.parts) and all(part.is_known(kind) for part in self.parts.values())
        )

    def count_of(self, component: str) -> int:
        """How many parts in one of it are that component, the outermost counted only."""
        if self.component == component:
            return 1
        return sum(part.count * part.count_of(component) for part in self.parts.values())


def total(parts: dict[str, Part], kind: Kind) -> Quantity:
    """Power or area of all parts together, exact."""
    return sum((part.value(kind) * part.count for part in parts.values()), start=_ZERO[kind])


def of_component(parts: dict[str, Part], component: str, kind: Kind) -> Quantity | None:
    """Power or area of all parts that are one component, or None where there is none."""
    found = None
    for part in parts.values():
        each = part.value(kind) if part.component == component else of_component(part.parts, component, kind)
        if each is not None:
            found = each * part.count + (found or _ZERO[kind])
    return found
