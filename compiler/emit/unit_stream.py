"""One unit's instruction stream while it is being written: instructions with the loops around them."""

from dataclasses import dataclass, field


@dataclass
class UnitStream:
    """Instructions of one unit, in order.

    Attributes:
        rows: instructions, as columns of INSTRUCTIONS by name.
        paths: rows of LOOPS around each instruction, outermost first.
        steps: the column `steps` of each instruction, empty for zeros.
    """

    rows: list[dict[str, int]] = field(default_factory=list)
    paths: list[tuple[int, ...]] = field(default_factory=list)
    steps: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, path: tuple[int, ...], row: dict[str, int], steps: tuple[int, ...] = ()) -> None:
        """Append an instruction."""
        self.rows.append(row)
        self.paths.append(path)
        self.steps.append(steps)

    def loops(self, offset: int) -> list[tuple[int, int, int, int]]:
        """Hardware loops of the stream.

        Args:
            offset: number of the stream's first instruction.

        Returns:
            (begin, end, parent, loop) rows, parents first; `parent` counts from the first row returned, -1 for none.
        """
        found: list[list[int]] = []
        open_rows: list[int] = []
        for k, path in enumerate([*self.paths, ()]):
            common = 0
            while common < min(len(open_rows), len(path)) and found[open_rows[common]][3] == path[common]:
                common += 1
            for row in open_rows[common:]:
                found[row][1] = offset + k
            open_rows = open_rows[:common]
            for loop in path[common:]:
                found.append([offset + k, -1, open_rows[-1] if open_rows else -1, loop])
                open_rows.append(len(found) - 1)
        return [(b, e, p, loop) for b, e, p, loop in found]
