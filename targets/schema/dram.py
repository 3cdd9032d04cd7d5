"""`chip.dram:` memory beside the chip, for what does not fit its own memories."""

from ohmflow.targets.schema.figure import Area, Bandwidth, Bytes, Energy, Power, Time
from ohmflow.targets.schema.leaves import Count, Place
from ohmflow.targets.schema.model import SectionModel


class Dram(SectionModel):
    """`chip.dram:` channels of DRAM, each with a controller at a node of the mesh.

    Attributes:
        channels: how many; they work independently of each other.
        node: (x, y) of the first channel; each further one is at the next node down (x, y + 1), … , and below the last
            row of the mesh at the top of the next column.
        bandwidth: bytes per second of a channel, read or written.
        latency: s from the start of an access to its last byte, beyond the time that the bytes take.
        burst: smallest access, in whole bytes; what is read or written is rounded up to it.
        page: largest access, in whole bytes; longer data are moved in several.
        queue: accesses of a size that may be under way or wait between a unit and the channel.
        capacity: of a channel, in whole bytes.
        read_energy: J per byte read, interface included.
        write_energy: J per byte written, interface included.
        leakage: W of a channel whether it is used or not: refresh, stand-by, controller.
        area: m² of a channel's controller and interface on the chip.
    """

    channels: Count = 1
    node: Place
    bandwidth: Bandwidth
    latency: Time
    burst: Bytes
    page: Bytes
    queue: Count = 4
    capacity: Bytes
    read_energy: Energy | None = None
    write_energy: Energy | None = None
    leakage: Power | None = None
    area: Area | None = None

    @property
    def burst_bytes(self) -> int:
        """Bytes of the smallest access."""
        return int(self.burst.value.exact("B"))

    @property
    def page_bytes(self) -> int:
        """Bytes of the largest access."""
        return int(self.page.value.exact("B"))

    @property
    def capacity_bytes(self) -> int:
        """Bytes of a channel."""
        return int(self.capacity.value.exact("B"))

    def place(self, channel: int, rows: int) -> tuple[int, int]:
        """Node (x, y) of a channel on a mesh of so many rows."""
        columns, y = divmod(self.node[1] + channel, rows)
        return self.node[0] + columns, y
