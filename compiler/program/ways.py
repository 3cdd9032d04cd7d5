"""The ways of messages: each link that a message takes, once, and what comes behind it.

A channel by itself is a chain of links. A multicast branches and a sum meets (`docs/microarchitecture.md`, "A
schedule"), so what one message takes is a tree of *steps*, one for each link, joined by *edges*. Whoever follows
messages or pays for flits walks these, and need not know which kind of tree it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import MULTICAST, SUM, Schedule

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ways:
    """Steps and edges of all channels of a schedule.

    Attributes:
        link: [S] the link of each step.
        channel: [S] the lowest channel whose route takes it.
        payer: [S] the channel whose instructions pay for it: of a multicast the first, else `channel`.
        begin, end: [S] the edges behind it; several where a multicast branches.
        adder: [S] cycles of the adder in front of it, 0 where nothing joins.
        branch_begin, branch_end: [S] the branches that join in front of it; none or at least two.
        to: [E] the step to which an edge leads, or -1 - c where the message arrives on channel c.
        behind: [E] the step that it leaves, or -1 where a unit sends.
        branch: [E] the branch that it is, or -1 where nothing joins.
        start: [C + 1] the edges on which a unit's message on each channel leaves; one of a sum's member, none of the
            later members of a multicast.
    """

    link: Ints
    channel: Ints
    payer: Ints
    begin: Ints
    end: Ints
    adder: Ints
    branch_begin: Ints
    branch_end: Ints
    to: Ints
    behind: Ints
    branch: Ints
    start: Ints


def ways_of(channels: NDArray[np.void], route: NDArray[np.int32], trees: NDArray[np.void]) -> Ways:
    """Find the steps and edges of channels.

    Args:
        channels: [C] rows of `CHANNEL`.
        route: flat link numbers.
        trees: [T] rows of `TREE`, of the form that the page asks for.
    """
    grouped = np.zeros(len(channels), bool)
    for row in trees:
        grouped[int(row["begin"]) : int(row["end"])] = True
    alone = np.flatnonzero(~grouped)
    begins = channels["route_begin"].astype(np.int64)
    lengths = channels["route_end"].astype(np.int64) - begins
    # Channels by themselves: chains, all at once; an edge leaves the unit, and one leaves each step.
    sizes = lengths[alone]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(alone)]
    total = int(sizes.sum())
    own = np.repeat(alone, sizes)
    inside = np.arange(total) - np.repeat(first, sizes)
    out = _Growing()
    out.link = [np.asarray(route[begins[own] + inside], np.int64)]
    out.channel = [own]
    out.payer = [own]
    last = inside == lengths[own] - 1
    following = np.where(last, -1 - own, np.arange(total) + 1)
    numbers = np.arange(total, dtype=np.int64)
    out.begin, out.end = [numbers], [numbers + 1]
    out.adder = [np.zeros(total, np.int64)]
    out.branch_begin, out.branch_end = [np.zeros(total, np.int64)], [np.zeros(total, np.int64)]
    out.to, out.behind, out.branch = [following], [numbers], [np.full(total, -1, np.int64)]
    out.steps, out.edges = total, total
    starts: dict[int, list[tuple[int, int]]] = {}
    for row in trees:
        members = range(int(row["begin"]), int(row["end"]))
        routes = [route[begins[c] : begins[c] + lengths[c]].tolist() for c in members]
        if row["kind"] == SUM:
            _add_sum(out, members, routes, int(row["adder"]), starts)
        else:
            _add_multicast(out, members, routes, starts)
    entry = np.where(sizes > 0, first, -1 - alone)
    ends: Ints = np.zeros(len(channels) + 1, np.int64)
    ends[1:][alone] = 1
    for c, edges_of in starts.items():
        ends[c + 1] = len(edges_of)
    start = out.edges + np.cumsum(ends)
    to_unit, branch_unit = np.zeros(int(ends.sum()), np.int64), np.full(int(ends.sum()), -1, np.int64)
    to_unit[start[alone] - out.edges] = entry
    for c, edges_of in starts.items():
        at = int(start[c]) - out.edges
        for k, (step, branch) in enumerate(edges_of):
            to_unit[at + k], branch_unit[at + k] = step, branch
    out.to.append(to_unit)
    out.behind.append(np.full(len(to_unit), -1, np.int64))
    out.branch.append(branch_unit)
    columns = (out.link, out.channel, out.payer, out.begin, out.end, out.adder, out.branch_begin, out.branch_end)
    steps = [np.concatenate(column).astype(np.int64) for column in columns]
    edges = [np.concatenate(column).astype(np.int64) for column in (out.to, out.behind, out.branch)]
    link, channel, payer, begin, end, adder, branch_begin, branch_end = steps
    return Ways(link, channel, payer, begin, end, adder, branch_begin, branch_end, edges[0], edges[1], edges[2], start)


class _Growing:
    """Columns while they are collected."""

    link: list[Ints]
    channel: list[Ints]
    payer: list[Ints]
    begin: list[Ints]
    end: list[Ints]
    adder: list[Ints]
    branch_begin: list[Ints]
    branch_end: list[Ints]
    to: list[Ints]
    behind: list[Ints]
    branch: list[Ints]
    steps = 0
    edges = 0
    branches = 0

    def add(
        self,
        links: Sequence[int],
        channel: Sequence[int],
        payer: Sequence[int],
        after: Sequence[Sequence[tuple[int, int]]],
        joins: Sequence[tuple[int, int, int]],
    ) -> None:
        """Add the steps of a tree, with the edges (to, branch) behind each and (adder, begin, end) of its branches."""
        counts = np.array([len(edges) for edges in after], np.int64)
        ends = self.edges + np.cumsum(counts)
        for column, values in (
            (self.link, links),
            (self.channel, channel),
            (self.payer, payer),
            (self.begin, ends - counts),
            (self.end, ends),
            (self.adder, [j[0] for j in joins]),
            (self.branch_begin, [j[1] for j in joins]),
            (self.branch_end, [j[2] for j in joins]),
            (self.to, [to for edges in after for to, _ in edges]),
            (self.behind, np.repeat(self.steps + np.arange(len(links)), counts)),
            (self.branch, [branch for edges in after for _, branch in edges]),
        ):
            column.append(np.asarray(values, np.int64))
        self.steps += len(links)
        self.edges += int(counts.sum())


def _add_multicast(
    out: _Growing, members: range, routes: Sequence[Sequence[int]], starts: dict[int, list[tuple[int, int]]]
) -> None:
    lowest: dict[int, int] = {}
    for c, links in zip(members, routes, strict=True):
        for link in links:
            lowest.setdefault(link, c)
    number = {link: out.steps + k for k, link in enumerate(lowest)}
    after: dict[int, dict[int, None]] = {link: {} for link in lowest}
    roots: dict[int, None] = {}
    for c, links in zip(members, routes, strict=True):
        for here, there in pairwise(links):
            after[here][number[there]] = None
        if links:
            after[links[-1]][-1 - c] = None
        roots[number[links[0]] if links else -1 - c] = None
    starts[members[0]] = [(to, -1) for to in roots]
    starts.update({c: [] for c in members[1:]})
    out.add(
        list(lowest),
        list(lowest.values()),
        [members[0]] * len(lowest),
        [[(to, -1) for to in after[link]] for link in lowest],
        [(0, 0, 0)] * len(lowest),
    )


def _add_sum(
    out: _Growing,
    members: range,
    routes: Sequence[Sequence[int]],
    adder: int,
    starts: dict[int, list[tuple[int, int]]],
) -> None:
    lowest: dict[int, int] = {}
    behind: dict[int, int] = {}
    for c, links in zip(members, routes, strict=True):
        for link in links:
            lowest.setdefault(link, c)
        behind.update(pairwise(links))
    number = {link: out.steps + k for k, link in enumerate(lowest)}
    into: dict[int, list[tuple[int, int]]] = {link: [] for link in lowest}  # (lowest channel, link or -1 for a unit)
    for link, following in behind.items():
        into[following].append((lowest[link], link))
    for c, links in zip(members, routes, strict=True):
        into[links[0]].append((c, -1))
    joins, branch_of = [], {}
    for link in lowest:
        # In the order of their lowest channels, so that the first branch is the one whose name the sum goes under.
        branches = sorted(into[link])
        if len(branches) < 2:
            joins.append((0, 0, 0))
            continue
        for k, branch in enumerate(branches):
            branch_of[link, branch] = out.branches + k
        joins.append((adder, out.branches, out.branches + len(branches)))
        out.branches += len(branches)
    for c, links in zip(members, routes, strict=True):
        starts[c] = [(number[links[0]], branch_of.get((links[0], (c, -1)), -1))]
    after = []
    for link in lowest:
        if link in behind:
            there = behind[link]
            after.append([(number[there], branch_of.get((there, (lowest[link], link)), -1))])
        else:
            after.append([(-1 - members[0], -1)])
    out.add(list(lowest), list(lowest.values()), list(lowest.values()), after, joins)


def edge_cycles(schedule: Schedule, ways: Ways) -> Ints:
    """[E] cycles from the grant of a link to what comes behind it; 0 for edges that leave a unit.

    The head enters the next queue when it is there, or later where the next link is faster; what arrives is the tail.
    """
    flits = schedule.channels["flits"].astype(np.int64)[ways.channel]
    pace, hop = schedule.flit_cycles.astype(np.int64)[ways.link], schedule.hop.astype(np.int64)[ways.link]
    cycles: Ints = np.zeros(len(ways.to), np.int64)
    inner = ways.behind >= 0
    behind, to = ways.behind[inner], ways.to[inner]
    following = np.where(to >= 0, pace[np.maximum(to, 0)], 0)
    cycles[inner] = hop[behind] + (flits[behind] - 1) * np.maximum(pace[behind] - following, 0)
    return cycles


def way_faults(
    channels: NDArray[np.void], route: NDArray[np.int32], trees: NDArray[np.void], links: int
) -> Iterator[str]:
    """What is wrong with routes and trees, one sentence each.

    Args:
        channels: [C] rows of `CHANNEL`.
        route: flat link numbers.
        trees: [T] rows of `TREE`.
        links: how many there are.
    """
    begin, end = channels["route_begin"].astype(np.int64), channels["route_end"].astype(np.int64)
    wrong = np.flatnonzero((begin < 0) | (begin > end) | (end > len(route)))
    if len(wrong):
        yield f"channel {int(wrong[0])}: route must lie in the {len(route)} entries of the table, and does not"
        return
    outside = np.flatnonzero((route < 0) | (route >= links))
    if len(outside):
        yield f"route {int(outside[0])}: must name one of {links} links, not {int(route[outside[0]])}"
        return
    taken = np.zeros(len(channels), bool)
    for number, row in enumerate(trees):
        first, last = int(row["begin"]), int(row["end"])
        where = f"tree {number}"
        if row["kind"] not in (MULTICAST, SUM):
            yield f"{where}: must be a multicast (0) or a sum (1), not {int(row['kind'])}"
        elif not 0 <= first < last - 1 < len(channels):
            yield f"{where}: must have two or more of {len(channels)} channels, not {first} to {last}"
        elif taken[first:last].any():
            yield f"{where}: its channels must be in no other tree, but one of {first} to {last - 1} is"
        elif (row["adder"] < 1) if row["kind"] == SUM else (row["adder"] != 0):
            rule = "at least 1 cycle in a sum and 0 in a multicast"
            yield f"{where}: its adder must take {rule}, not {int(row['adder'])}"
        else:
            taken[first:last] = True
            members = channels[first:last]
            routes = [tuple(route[b:e].tolist()) for b, e in zip(begin[first:last], end[first:last], strict=True)]
            yield from _tree_faults(where, members, routes, bool(row["kind"] == SUM))


def _tree_faults(where: str, members: NDArray[np.void], routes: list[tuple[int, ...]], is_sum: bool) -> Iterator[str]:
    side, verb = ("dst", "end") if is_sum else ("src", "begin")
    if (members[side] != members[side][0]).any() or (members["flits"] != members["flits"][0]).any():
        yield f"{where}: its channels must {verb} at one unit and have equal flits, and do not"
        return
    beyond: dict[int, tuple[int, ...]] = {}  # for each link, what leads to it (multicast) or what is behind it (sum)
    for links in routes:
        if len(set(links)) < len(links):
            yield f"{where}: a route must take each link once, and one does not"
            return
        for k, link in enumerate(links):
            rest = links[k + 1 :] if is_sum else links[:k]
            if beyond.setdefault(link, rest) != rest:
                what = "part again" if is_sum else "meet again"
                yield f"{where}: its routes must not {what}, but at link {link} they do"
                return
    if is_sum and ({links[-1:] for links in routes} != {routes[0][-1:]} or not routes[0]):
        yield f"{where}: all routes of a sum must end with the same link, and do not"
