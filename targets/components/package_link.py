"""Links between the chips of a package: flits, priced per bit beyond what they cost in routers."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, need
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target

_SECTION = "chip.package"
_PATH = f"{_SECTION}.link"


def package_links(target: Target) -> int:
    """Directions of the mesh's edges that cross from one chip to another."""
    if target.chip is None or target.chip.package is None:
        return 0
    (columns, rows), (across, down) = target.chip.mesh, target.chip.package.chips
    return 2 * ((across - 1) * rows + columns * (down - 1))


def _energy(target: Target) -> Quantity:
    assert target.chip is not None
    return need(target, f"{_PATH}.energy") * target.chip.link.flit_bits


class PackageLink(Untimed):
    """The links between chips."""

    name = "package_link"

    def footprints(self) -> tuple[Footprint, ...]:
        """Both ends of each direction."""
        return (placed("package_link", "chip", _SECTION, package_links, path=f"{_PATH}.area"),)

    def events(self) -> tuple[Event, ...]:
        """Flits that cross."""
        path = f"{_PATH}.energy"
        return (Event("link", "flit_package", path, (path,), _SECTION, _energy, optional=True),)

    def latency(self, target: Target) -> int | None:
        """Cycles of one hop, or None where there is one chip."""
        package = None if target.chip is None else target.chip.package
        return None if package is None else package.link.hop

    def initiation_interval(self, target: Target) -> int | None:
        """Cycles of a flit, or None where there is one chip."""
        package = None if target.chip is None else target.chip.package
        return None if package is None else package.link.flit_cycles
