"""Messages on a network of flits, worked out by hand.

Every sender completes one instruction of one cycle, so its message enters in cycle 1; the receiver issues when the
message has arrived. Written beside each case: in which cycle each flit leaves the source, then gets the switch of each
router. A flit that gets it in cycle g is at the next router in g + cross + wire and at the node in g + cross + local,
where cross is 1 with one stage and 2 otherwise; a head asks a cycle later where there are three stages.
"""

from dataclasses import dataclass, field

from ohmflow.compiler.emit.topology import Topology
from ohmflow.runtime.machine.clock_flits import RouterSpec
from tests.machine.flit_schedules import Case, case_of
from tests.machine.timeline_builder import ScheduleBuilder

Place = tuple[int, int]


@dataclass(frozen=True)
class FlitTimeline:
    """One case.

    Attributes:
        name: of the case.
        mesh: (columns, rows).
        router: of every node.
        hop: of links between routers.
        messages: (sender, its node, receiver, its node, flits), each from and to units of its own.
        arrivals: the cycle in which each message has arrived.
        waits: cycles that heads waited, by link; 0 where left out.
        flits: flits of links that are looked at.
    """

    name: str
    mesh: tuple[int, int]
    router: RouterSpec
    hop: int
    messages: tuple[tuple[str, Place, str, Place, int], ...]
    arrivals: tuple[int, ...]
    waits: dict[str, int] = field(default_factory=dict)
    flits: dict[str, int] = field(default_factory=dict)

    def case(self) -> Case:
        """The schedule and its network."""
        topology = Topology(*self.mesh, self.hop, 1)
        chip = ScheduleBuilder()
        chip.units(*(sender for sender, *_ in self.messages), *(receiver for _, _, receiver, _, _ in self.messages))
        names = topology.names()
        for name, hop in zip(names, topology.hops().tolist(), strict=True):
            chip.link(name, hop)
        for sender, source, receiver, target, flits in self.messages:
            route = tuple(names[link] for link in topology.route(source, target))
            chip.channel(f"{sender} to {receiver}", sender, receiver, flits=flits, route=route)
            with chip.on(sender):
                chip.fixed(1, signal=f"{sender} to {receiver}")
            with chip.on(receiver):
                chip.fixed(1, waits=(f"{sender} to {receiver}",))
        return case_of(chip.build(), topology, self.router)


QUICK, SLOW = RouterSpec(1, 8, 1, 1), RouterSpec(1, 8, 3, 1)

FLIT_TIMELINES = (
    # Source 1; routers 2, 4, 6; node 6 + 1 + 1.
    FlitTimeline("one_stage_and_a_wire", (3, 1), QUICK, 2, (("a", (0, 0), "b", (2, 0), 1),), (8,)),
    # Source 1; at the first router 2, asks 3; at the second 3 + 2 + 1 = 6, asks 7; third 10, asks 11; node 11 + 3.
    FlitTimeline("three_stages_and_a_wire", (3, 1), SLOW, 4, (("a", (0, 0), "b", (2, 0), 1),), (14,)),
    # Sources 1, 2, 3; routers 2 3 4, then 4 5 6, then 6 7 8; node 8 + 2 + 1.
    FlitTimeline(
        "two_stages_and_no_wire",
        (3, 1),
        RouterSpec(1, 8, 2, 1),
        2,
        (("a", (0, 0), "b", (2, 0), 3),),
        (11,),
        flits={"inject(0,0)": 3, "east(0,0)": 3, "east(1,0)": 3, "eject(2,0)": 3, "east(2,0)": 0},
    ),
    # Of one source one message after the other: a 1 2, c 3 4. a: routers 2 3, 4 5, node 5 + 2. c is 2 cycles behind.
    FlitTimeline(
        "units_of_a_node_share_its_source",
        (2, 1),
        QUICK,
        2,
        (("a", (0, 0), "b", (1, 0), 2), ("c", (0, 0), "d", (1, 0), 2)),
        (7, 9),
        {"inject(0,0)": 2},
        {"inject(0,0)": 4, "east(0,0)": 4},
    ),
    # Both heads are at the middle router in 4 and ask for its only channel to the node: the line from the east comes
    # first. It moves in 4 5 6, node 6 + 2. The channel is free from 7 on: 7 8 9, node 9 + 2.
    FlitTimeline(
        "a_packet_holds_its_channel_to_its_tail",
        (3, 1),
        QUICK,
        2,
        (("a", (0, 0), "b", (1, 0), 3), ("c", (2, 0), "d", (1, 0), 3)),
        (11, 8),
        {"eject(1,0)": 3},
    ),
    # With two channels both are offered to the line from the east, which takes one; the other line has its in 5. Then
    # they take turns, the west first, since the east moved in 4: east 4 6 8, west 5 7 9. Nodes 10 and 11.
    FlitTimeline(
        "packets_of_two_channels_take_turns",
        (3, 1),
        RouterSpec(2, 8, 1, 1),
        2,
        (("a", (0, 0), "b", (1, 0), 3), ("c", (2, 0), "d", (1, 0), 3)),
        (11, 10),
        {"eject(1,0)": 1},
    ),
    # One place a buffer. First flit: source 1, routers 2 and 4; credits: at the source 2 + 3 = 5, at the first router
    # 4 + 3 = 7, of the node 4 + 2 + 3 = 9. Second: source 5, at the router 6, moves 7, then 9; credits 10, 12, 14.
    # Third: source 10, at the router 11, moves 12, then 14; node 14 + 2.
    FlitTimeline("flits_wait_for_credits", (2, 1), RouterSpec(1, 1, 1, 1), 2, (("a", (0, 0), "b", (1, 0), 3),), (16,)),
    # Inside a node a link is reserved: 1 + 1 + 2. Nothing enters the network.
    FlitTimeline(
        "units_of_a_node_have_a_link_of_their_own",
        (2, 1),
        QUICK,
        2,
        (("a", (0, 0), "b", (0, 0), 3),),
        (4,),
        flits={"local(0,0)": 3, "inject(0,0)": 0, "eject(0,0)": 0},
    ),
    # X, then Y: source 1 2; routers 2 3, 4 5, 6 7; node 7 + 2.
    FlitTimeline(
        "x_comes_before_y",
        (2, 2),
        QUICK,
        2,
        (("a", (0, 0), "b", (1, 1), 2),),
        (9,),
        flits={"east(0,0)": 2, "south(1,0)": 2, "south(0,0)": 0, "east(0,1)": 0, "eject(1,1)": 2},
    ),
    # The longer message from the east has the channel in 4 to 9. Behind a, which waits at the middle router, c waits in
    # the same channel though its way to the south is free: a leaves in 10, c's head is at the front in 11.
    # a: source 1, at the first router 2, moves 2, at the middle 4, moves 10, node 12.
    # c: source 2, first router 3, at the middle 5, moves 11, next router 13, node 15.
    FlitTimeline(
        "one_channel_holds_up_what_is_behind",
        (3, 2),
        QUICK,
        2,
        (("a", (0, 0), "b", (1, 0), 1), ("c", (0, 0), "d", (1, 1), 1), ("e", (2, 0), "f", (1, 0), 6)),
        (12, 15, 11),
        {"inject(0,0)": 1, "eject(1,0)": 6, "south(1,0)": 6},
    ),
)
