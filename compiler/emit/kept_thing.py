"""Something that a unit keeps from one loop for a later one, as the emitter sees it."""

from dataclasses import dataclass

from ohmflow.compiler.emit.dataflow import Unit


@dataclass
class KeptThing:
    """A value or a state in a unit's memory.

    Attributes:
        name: for people.
        unit: whose memory.
        operation: row of the operation that makes a value, or -1.
        state: name of a state, or empty.
        fixed: bytes whatever the batch.
        per_sample: bytes for each sample.
        channel: channel of DRAM at which it begins if it goes there, or None.
        staging: bytes that it takes in the unit's memory even then, beside the unit's buffers for DRAM.
        stored: bytes written to DRAM for a sample then.
        loaded: bytes read from DRAM for a sample then.
        made: number of instructions written before it was made.
        used: number of instructions written before it was first loaded, or -1.
        unread: readers that load it nowhere; while there are any, it can not go to DRAM.
    """

    name: str
    unit: Unit
    operation: int = -1
    state: str = ""
    fixed: int = 0
    per_sample: int = 0
    channel: int | None = None
    staging: int = 0
    stored: int = 0
    loaded: int = 0
    made: int = 0
    used: int = -1
    unread: int = 0

    @property
    def traffic(self) -> float:
        """Bytes moved for a sample for each byte that it takes."""
        return (self.stored + self.loaded) / max(self.fixed + self.per_sample, 1)

    @property
    def waits(self) -> int:
        """How long it waits for its first use, in instructions of all units."""
        return max(self.used - self.made, 0)
