"""The channels of DRAM of a target, while an entry is emitted: where something goes, and what an access takes."""

from ohmflow.compiler.emit.dataflow import Unit
from ohmflow.targets import timing
from ohmflow.targets.schema.target import Target


class DramPlan:
    """Channels of DRAM, filled evenly.

    Args:
        target: with DRAM.

    Attributes:
        burst, page: smallest and largest access in bytes.
        queue: accesses that may be under way or wait between a unit and a channel.
        channels: how many there are.
        capacity: bytes of all channels together.
    """

    def __init__(self, target: Target) -> None:
        assert target.chip is not None and target.chip.dram is not None, "the caller looked"
        self._target, self._chip, dram = target, target.chip, target.chip.dram
        self.burst, self.page, self.queue = dram.burst_bytes, dram.page_bytes, dram.queue
        self.channels, self.capacity = dram.channels, dram.channels * dram.capacity_bytes
        self._places = [dram.place(channel, target.chip.mesh[1]) for channel in range(dram.channels)]
        self._load = [0] * dram.channels

    @staticmethod
    def of(target: Target) -> "DramPlan | None":
        """The channels of a target, or None if it has none."""
        return None if target.chip is None or target.chip.dram is None else DramPlan(target)

    def choose(self, unit: Unit, size: int) -> int:
        """Choose the channel at which something begins: the emptiest, of equals the nearest, of those the first.

        Args:
            unit: that keeps it, a tile or a vector unit.
            size: bytes that it takes.
        """
        columns = self._chip.mesh[0]
        node = unit[1] // self._chip.tiles_per_node if unit[0] == "tile" else unit[1]
        x, y = node % columns, node // columns

        def hops(channel: int) -> int:
            return abs(self._places[channel][0] - x) + abs(self._places[channel][1] - y)

        chosen = min(range(len(self._places)), key=lambda k: (self._load[k], hops(k), k))
        self._load[chosen] += size
        return chosen

    def place(self, channel: int) -> tuple[int, int]:
        """Node (x, y) of a channel."""
        return self._places[channel]

    def room(self, kind: str) -> int:
        """Bytes of the memory of a tile or a vector unit."""
        buffer = self._target.tile.buffer
        assert buffer is not None, "checked on loading: a target with time has it"
        return buffer.size_bytes if kind == "tile" else self._chip.vector_unit.scratchpad.size_bytes

    def access(self, size: int) -> tuple[int, int]:
        """Occupancy and latency of an access of `size` bytes, in cycles."""
        return timing.dram_access(self._target, size)

    def moved(self, size: int) -> int:
        """Bytes that an access of `size` bytes moves: whole bursts."""
        return timing.dram_bytes(self._target, size)
