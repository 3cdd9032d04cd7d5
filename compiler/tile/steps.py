"""Row segments in steps: how much of its operands a segment needs for each part of its results.

A segment on an image can begin before the image is whole: rows of a result follow from rows of the operands. `Steps`
says so for the clock; values know nothing of it. It is kept as the attribute `steps` of a segment's declaration:

```
attributes {steps = {count = 14 : i64, needs = [array<i64: 1, 28, 2, 14>, array<i64>], parts = array<i64: 1, -1>}}
```

Fourteen steps; the first operand has 28 rows along its axis 1, two more of which are needed in each of 14 steps; the
second is needed whole from the start; the first result leaves in 14 parts along its axis 1, one a step, the second
whole at the end.
"""

from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, DictionaryAttr, IntegerAttr, i64
from xdsl.ir import Attribute, Operation

STEPS = "steps"


@dataclass(frozen=True)
class Need:
    """Rows of an operand that the steps need.

    Attributes:
        axis: along which its rows are counted.
        rows: rows of the whole operand.
        by_step: rows, counted from the first, that must be there for each step; the last is not above `rows`.
    """

    axis: int
    rows: int
    by_step: tuple[int, ...]


@dataclass(frozen=True)
class Steps:
    """A row segment in steps.

    Attributes:
        count: how many.
        needs: for each operand, or None where it is needed whole from the start.
        parts: for each result, the axis along which it leaves part by part, one a step; -1 if it leaves whole.
    """

    count: int
    needs: tuple[Need | None, ...]
    parts: tuple[int, ...]

    def attribute(self) -> Attribute:
        """Write it as an attribute."""
        return DictionaryAttr(
            {
                "count": IntegerAttr(self.count, i64),
                "needs": ArrayAttr([DenseArrayBase.from_list(i64, _runs(need)) for need in self.needs]),
                "parts": DenseArrayBase.from_list(i64, list(self.parts)),
            }
        )

    @classmethod
    def of(cls, op: Operation) -> "Steps | None":
        """Read it from a segment's declaration; None if it has none."""
        given = op.attributes.get(STEPS)
        if not isinstance(given, DictionaryAttr):
            return None
        count, needs, parts = given.data["count"], given.data["needs"], given.data["parts"]
        assert isinstance(count, IntegerAttr) and isinstance(needs, ArrayAttr) and isinstance(parts, DenseArrayBase)
        return cls(
            count.value.data,
            tuple(_need([int(n) for n in need.get_values()]) for need in needs.data),
            tuple(int(part) for part in parts.get_values()),
        )


def _runs(need: Need | None) -> list[int]:
    """Axis, rows, then (more rows a step, steps) pairs."""
    if need is None:
        return []
    pairs: list[list[int]] = []
    before = 0
    for rows in need.by_step:
        if pairs and pairs[-1][0] == rows - before:
            pairs[-1][1] += 1
        else:
            pairs.append([rows - before, 1])
        before = rows
    return [need.axis, need.rows, *(number for pair in pairs for number in pair)]


def _need(runs: list[int]) -> Need | None:
    if not runs:
        return None
    axis, rows, *pairs = runs
    by_step: list[int] = []
    for more, steps in zip(pairs[::2], pairs[1::2], strict=True):
        for _ in range(steps):
            by_step.append((by_step[-1] if by_step else 0) + more)
    return Need(axis, rows, tuple(by_step))
