"""`ohmflow network`."""

from typing import TYPE_CHECKING

import click

from ohmflow.runtime.cli.options import echo_json, json_option, load_target, optional_target_options

if TYPE_CHECKING:
    from ohmflow.runtime.network.simulate import NetworkResult
    from ohmflow.runtime.network.spec import NetworkSpec, Watch


@click.command("network", short_help="Run the network on chip alone, flit by flit.")
@optional_target_options
@click.option("--mesh", metavar="XxY", help="Columns and rows of routers.  [default: those of TARGET, or 8x8]")
@click.option("--vcs", type=int, default=8, show_default=True, help="Virtual channels of an input.")
@click.option("--buffer", "buffer_flits", type=int, default=8, show_default=True, help="Flits that each of them holds.")
@click.option("--packet-flits", type=int, default=4, show_default=True, help="Flits of a packet.")
@click.option("--rate", type=float, default=0.1, show_default=True, help="Flits offered per node and cycle.")
@click.option(
    "--traffic",
    default="uniform",
    show_default=True,
    help="Who sends to whom: uniform, transpose, bit-complement, neighbour or hotspot.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all draws.")
@click.option("--link-cycles", type=int, default=1, show_default=True, help="Cycles of a link between routers.")
@click.option(
    "--credit-cycles", type=int, default=1, show_default=True, help="Cycles from a credit's receipt to its use."
)
@click.option("--warmup", type=int, default=20_000, show_default=True, help="Cycles before the window.")
@click.option("--cycles", type=int, default=10_000, show_default=True, help="Cycles of the window that is measured.")
@click.option("--fast", is_flag=True, help="Reserve links for whole packets instead: no channels, no buffers.")
@json_option
def command(
    target_name: str | None,
    overrides: tuple[str, ...],
    mesh: str | None,
    vcs: int,
    buffer_flits: int,
    packet_flits: int,
    rate: float,
    traffic: str,
    seed: int,
    link_cycles: int,
    credit_cycles: int,
    warmup: int,
    cycles: int,
    fast: bool,
    as_json: bool,
) -> None:
    """Run a mesh of routers under synthetic traffic: latency, accepted rate, and whether it is saturated.

    Of TARGET, only the mesh is taken.
    """
    from ohmflow.runtime.network.fast import simulate_fast
    from ohmflow.runtime.network.simulate import result_json, simulate
    from ohmflow.runtime.network.spec import NetworkSpec, Watch

    spec = NetworkSpec(
        _mesh(target_name, overrides, mesh),
        vcs,
        buffer_flits,
        packet_flits,
        rate,
        traffic,
        seed,
        link_cycles,
        credit_cycles,
    )
    watch = Watch(warmup, cycles)
    result = simulate_fast(spec, watch) if fast else simulate(spec, watch)
    if as_json:
        echo_json(result_json(spec, watch, result))
    else:
        _show(spec, watch, result)


def _mesh(target_name: str | None, overrides: tuple[str, ...], text: str | None) -> tuple[int, int]:
    """The mesh that is asked for, or the target's."""
    from ohmflow.runtime.network.errors import NetworkError
    from ohmflow.runtime.network.spec import parse_mesh

    if target_name is None:
        if overrides:
            raise click.UsageError("--set: must be given with a target, not alone; add -t TARGET")
        return parse_mesh("8x8" if text is None else text)
    target = load_target(target_name, overrides)
    if text is not None:
        return parse_mesh(text)
    if target.chip is None:
        raise NetworkError(f"{target.name}: chip must describe a mesh, not be left out; give --mesh instead of -t")
    return target.chip.mesh


def _show(spec: "NetworkSpec", watch: "Watch", result: "NetworkResult") -> None:
    from ohmflow.runtime.cli.show import console

    screen = console()
    columns, rows = spec.mesh
    buffers = (
        "links reserved for whole packets"
        if result.level == "links"
        else (f"{spec.vcs} virtual channels of {spec.buffer_flits} flits")
    )
    screen.print(f"Mesh of {columns} x {rows}, {buffers}; {spec.traffic} traffic, packets of {spec.packet_flits} flits")
    screen.print(
        f"Seed {spec.seed}; {result.packets:,} packets of {watch.cycles:,} cycles after {watch.warmup:,}", style="dim"
    )
    if result.level == "links":
        screen.print("Latency is too low by what buffers and channels cost: docs/network.md says how much", style="dim")
    state = "[bold]saturated[/]" if result.saturated else "not saturated"
    screen.print(
        f"Offered {result.offered_rate:.4g}, accepted {result.accepted_rate:.4g} flits per node and cycle: {state}"
    )
    if result.network_latency is None or result.packet_latency is None or result.hops is None:
        screen.print("No packet was sent in the window, so there is no latency.")
        return
    screen.print(
        f"Network latency {result.network_latency:.2f} cycles, with waiting at the source "
        f"{result.packet_latency:.2f}, over {result.hops:.3f} routers"
    )
