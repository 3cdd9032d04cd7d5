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
    if view.value("chip.network.level") == "flits":
        for key in ("vcs", "buffer", "stages", "credit"):
            if not view.given(f"chip.router.{key}"):
                yield Fault(
                    "chip.network.level",
                    f"chip.network.level must be links without chip.router.{key}, not 'flits'; add '{key}: …'",
                    (f"chip.router.{key}",),
                )
    stages, hop, vcs = (view.value(f"chip.{key}") for key in ("router.stages", "link.hop", "router.vcs"))
    if stages and not stages <= 3:
        yield Fault(
            "chip.router.stages", f"chip.router.stages must be from 1 to 3, not '{stages}'; write one such as 3"
        )
    elif stages and hop and stages > hop:
        yield Fault(
            "chip.router.stages",
            f"chip.router.stages must be at most chip.link.hop, of which they are a part, not '{stages}'; write {hop}",
            ("chip.link.hop",),
        )
    if vcs and vcs > 64:
        yield Fault("chip.router.vcs", f"chip.router.vcs must be at most 64, not '{vcs}'; write one such as 4")
    mesh, chips = view.value("chip.mesh"), view.value("chip.package.chips")
    if mesh and chips and (mesh[0] % chips[0] or mesh[1] % chips[1]):
        yield Fault(
            "chip.package.chips",
            f"chip.package.chips must divide the mesh of {mesh[0]} x {mesh[1]} nodes, not '{chips[0]} x {chips[1]}'; "
            "write one such as '1 x 1'",
        )
