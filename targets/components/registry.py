"""All components: one line each."""

from ohmflow.targets.components.adc import Adc
from ohmflow.targets.components.adder import RouterAdder
from ohmflow.targets.components.array import Array
from ohmflow.targets.components.buffer import Buffer
from ohmflow.targets.components.dac import Dac
from ohmflow.targets.components.device import Device
from ohmflow.targets.components.dram import DramChannel
from ohmflow.targets.components.driver import Driver
from ohmflow.targets.components.footprint import Footprint
from ohmflow.targets.components.host import Host
from ohmflow.targets.components.link import Link
from ohmflow.targets.components.package_link import PackageLink
from ohmflow.targets.components.protocol import Component, Event
from ohmflow.targets.components.scratchpad import Scratchpad
from ohmflow.targets.components.shift_add import ShiftAdd
from ohmflow.targets.components.tile import Tile
from ohmflow.targets.components.vector_unit import VectorUnit

COMPONENTS: tuple[Component, ...] = (
    Driver(),
    Device(),
    Array(),
    Dac(),
    Adc(),
    ShiftAdd(),
    Buffer(),
    VectorUnit(),
    Scratchpad(),
    Link(),
    RouterAdder(),
    PackageLink(),
    Host(),
    DramChannel(),
    Tile(),
)


def all_events() -> tuple[Event, ...]:
    """Every event of every component."""
    return tuple(event for component in COMPONENTS for event in component.events())


def all_footprints() -> tuple[Footprint, ...]:
    """Every footprint of every component."""
    return tuple(footprint for component in COMPONENTS for footprint in component.footprints())
