"""Counters of the stepping model that say what a schedule exercises."""

from dataclasses import dataclass


@dataclass
class Seen:
    """How often something interesting happened: says what a schedule exercises, and has no effect on the timeline."""

    packet_waits: int = 0
    """Cycles that packets waited in queues of links."""
    credit_stalls: int = 0
    """Cycles in which only the missing credit held an instruction back."""
    message_stalls: int = 0
    """Cycles in which a missing message held an instruction back."""
    converter_stalls: int = 0
    """Cycles that a read waited for its converter bank."""
    retries: int = 0
    """Attempts of reads beyond the first."""
    skipped_loops: int = 0
    """Loops that were reached with a trip of 0."""
    repeated_loops: int = 0
    """Loops that were reached with a trip of 2 or more."""
