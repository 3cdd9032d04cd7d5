"""Which ports of a digital segment have an axis for samples."""

from dataclasses import dataclass

from ohmflow.compiler.program.program import SegmentRecord


@dataclass(frozen=True)
class Ports:
    """Which ports of a segment have an axis for samples: (port, dimensions of one row); and whether it is a row one."""

    rows_in: tuple[tuple[int, int], ...]
    rows_out: frozenset[int]
    single: bool

    @classmethod
    def of(cls, record: SegmentRecord) -> "Ports":
        """Look at the ports of a segment."""
        return cls(
            tuple((k, len(p.shape) - 1) for k, p in enumerate(record.inputs) if p.shape[:1] == ("batch",)),
            frozenset(k for k, p in enumerate(record.outputs) if p.shape[:1] == ("batch",)),
            record.kind == "row",
        )
