"""Marks of loops: which rule wrote a loop, and with which numbers, so that a fused kernel may run it whole.

A mark changes no value: an engine that knows no kernel for it, or finds that the loop's structure does not fit,
interprets the loop as it stands. It is written `rule = "tiki-taka", parameters = "transfer_every=2,gamma=0.0"` among a
loop's attributes, and kept with the loops of a program's entry.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

RULE, PARAMETERS = "rule", "parameters"
"""Names of a loop's attributes."""

Parameter = bool | int | float | str
"""Value of a mark's parameter; a text holds no comma."""


@dataclass(frozen=True)
class LoopMark:
    """What a rule says about a loop that it wrote.

    Attributes:
        rule: its name.
        parameters: numbers and names that a kernel for it needs beside the loop itself.
    """

    rule: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The parameters as text, numbers exactly."""
        return ",".join(f"{name}={_said(value)}" for name, value in self.parameters.items())

    @classmethod
    def of(cls, rule: str, text: str) -> "LoopMark":
        """Read what `text` wrote."""
        pairs = (part.partition("=") for part in text.split(",") if part)
        return cls(rule, {name: _meant(value) for name, _, value in pairs})


def _said(value: Parameter) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    assert "," not in value, "texts of marks hold no comma"
    return value


def _meant(text: str) -> Parameter:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
