"""The memory of a tile that holds vectors, priced per byte. Its leakage is part of the tile's."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target


class Buffer(Untimed):
    """The buffer of a tile."""

    name = "buffer"

    def footprints(self) -> tuple[Footprint, ...]:
        """The whole memory."""
        return (placed("buffer", "tile", "tile.buffer"),)

    def events(self) -> tuple[Event, ...]:
        """Bytes in and out."""
        return tuple(
            priced("buffer", f"buffer_{way}_byte", f"tile.buffer.{way}_energy", "tile.buffer")
            for way in ("write", "read")
        )

    def initiation_interval(self, target: Target) -> int | None:
        """1: a port's width in every cycle."""
        return None if target.tile.buffer is None else 1
