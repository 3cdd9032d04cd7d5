"""Checks of `chip.network` and `chip.package` across keys."""

from collections.abc import Iterator

from ohmflow.targets.view import Fault, View


def network(view: View) -> Iterator[Fault]:
    """What multicast, sums and packages ask of other keys."""
    adds = view.value("chip.network.sum") == "routers"
    if adds and not view.given("chip.network.adder"):
        yield Fault(
            "chip.network.sum",
            "chip.network.sum must be nodes where there is no chip.network.adder, not 'routers'; "
            "add 'adder: {latency: 1, …}'",
            ("chip.network.adder",),
        )
    if not adds and view.given("chip.network.adder"):
        yield Fault(
            "chip.network.adder",
            "chip.network.adder must be left out where sums are made in nodes; remove it, or write 'sum: routers'",
        )
    mesh, chips = view.value("chip.mesh"), view.value("chip.package.chips")
    if mesh and chips and (mesh[0] % chips[0] or mesh[1] % chips[1]):
        yield Fault(
            "chip.package.chips",
            f"chip.package.chips must divide the mesh of {mesh[0]} x {mesh[1]} nodes, not '{chips[0]} x {chips[1]}'; "
            "write one such as '1 x 1'",
        )
