"""All timelines worked out by hand from `docs/microarchitecture.md`: cases for any clock model."""

from tests.machine import (
    hand_credits,
    hand_dram,
    hand_faults,
    hand_network,
    hand_sequencer,
    hand_timing_rules,
    hand_trees,
)
from tests.machine.hand_cases import HandTimeline

HAND_TIMELINES: list[HandTimeline] = [
    case()
    for group in (hand_timing_rules, hand_network, hand_trees, hand_credits, hand_dram, hand_sequencer, hand_faults)
    for case in group.CASES
]
