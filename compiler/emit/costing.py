"""Cycles and bytes of instructions on a target, as `docs/microarchitecture.md` derives them."""

from collections.abc import Sequence

from ohmflow.targets import timing
from ohmflow.targets.schema.target import Target


class Costing:
    """Integer costs on a target with a chip.

    Args:
        target: with a clock.

    Attributes:
        word: bytes of one element of a digital vector.
        branching: whether one message goes to all units that need the same vector.
        adder: cycles of the routers' adders, 0 where partial results are added in nodes.
    """

    def __init__(self, target: Target) -> None:
        assert target.chip is not None and target.tile.buffer is not None
        self._target, self._chip, self._buffer = target, target.chip, target.tile.buffer
        self.word = self._chip.vector_unit.word_bytes
        network = self._chip.network
        self.branching = network is not None and network.multicast == "tree"
        adds = network is not None and network.sum == "routers"
        self.adder = network.adder.latency if adds and network is not None and network.adder is not None else 0

    def move_cycles(self, kind: str, size: int) -> int:
        """Cycles to move `size` bytes into or out of the memory of a tile or vector unit."""
        port = self._buffer.port_bytes if kind == "tile" else self._chip.vector_unit.scratchpad.port_bytes
        return max(1, -(-size // port))

    def flits(self, size: int) -> int:
        """Flits of a message of `size` bytes: one head flit with the route and the channel, and the data."""
        return 1 + -(-size * 8 // self._chip.link.flit_bits)

    def read(self, lines: int, forward: bool) -> tuple[int, int, int, int]:
        """The four integers of a READ that converts `lines` lines."""
        side: timing.Side = "cols" if forward else "rows"
        bank = timing.converter_bank(self._target, not forward)
        buffered = 2 if self._target.tile.read.double_buffered else 0
        return (
            timing.read_cycles(self._target),
            timing.conversion_cycles(self._target, lines, side),
            timing.converter_latency(self._target),
            bank + buffered + 4 * timing.later_passes_cycles(self._target, lines, side),
        )

    def update(self, scheme: str | None = None) -> tuple[int, int]:
        """Set-up cycles of an update, and cycles per slot of its train, both signs included.

        Args:
            scheme: of the update; None for that of the target.
        """
        return max(1, self._target.tile.update.setup), timing.pulse_cycles(self._target, scheme)

    def program(self, cols: int) -> tuple[int, int]:
        """Set-up cycles of programming a block, and cycles per round of one row: pulses, and the read that verifies.

        Args:
            cols: columns of the block, which the verifying read converts.
        """
        program = self._target.tile.program
        if program.mode == "ideal":
            return 1, 0
        pulses = program.pulses_per_round * timing.slot_cycles(self._target)
        return 1, pulses + timing.verify_cycles(self._target, cols)

    def refresh(self, cols: int) -> tuple[int, int]:
        """Set-up cycles of a refresh, and cycles per round of one row: a slot for a pulse, and a read.

        Args:
            cols: columns of the block, which the read converts.
        """
        return 1, timing.slot_cycles(self._target) + timing.verify_cycles(self._target, cols)

    def vector(self, work: Sequence[tuple[str, int]]) -> tuple[int, int]:
        """Occupancy and latency of a digital segment on a vector unit.

        Args:
            work: (class, elements) pairs.
        """
        unit = self._chip.vector_unit
        interval = {"simple": unit.ii, "special": unit.special_ii}
        occupancy = max(1, sum(-(-elements // unit.lanes) * interval[kind] for kind, elements in work))
        return occupancy, occupancy + unit.latency
