"""Checks of `chip.dram` across keys."""

from collections.abc import Iterator

from ohmflow.targets.view import Fault, View


def dram(view: View) -> Iterator[Fault]:
    """Channels lie on the mesh, and a page is at least a burst and at most a channel."""
    mesh, node, channels = view.value("chip.mesh"), view.value("chip.dram.node"), view.value("chip.dram.channels")
    if mesh and node:
        column, y = divmod(node[1] + (channels or 1) - 1, mesh[1])
        last = (node[0] + column, y)
        if not (node[1] < mesh[1] and last[0] < mesh[0]):
            yield Fault(
                "chip.dram.node",
                f"chip.dram.node must leave a node of the mesh of {mesh[0]} x {mesh[1]} for each of {channels or 1} "
                f"channels down from it, not end at [{last[0]}, {last[1]}]; take another node, or fewer channels",
            )
    burst, page, capacity = (view.quantity(f"chip.dram.{key}") for key in ("burst", "page", "capacity"))
    if burst is not None and page is not None and page < burst:
        yield Fault(
            "chip.dram.page",
            f"chip.dram.page must be at least chip.dram.burst ({burst}), not '{page}'; exchange the two",
        )
    if page is not None and capacity is not None and capacity < page:
        yield Fault(
            "chip.dram.capacity",
            f"chip.dram.capacity must be at least chip.dram.page ({page}), not '{capacity}'; write one such as '1 GiB'",
        )
