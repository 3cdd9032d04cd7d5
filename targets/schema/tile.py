"""`tile:` one crossbar with its converters, buffer and sequencing."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import (
    Area,
    Bytes,
    Energy,
    Length,
    LineCapacitance,
    LineResistance,
    PositiveNumber,
    Power,
)
from ohmflow.targets.schema.leaves import Bool, BusyCycles, Choice, Count, Cycles, Whole
from ohmflow.targets.schema.model import SectionModel
from ohmflow.targets.schema.reading import Adc, Dac, Read
from ohmflow.targets.schema.updating import Program, Update


class Crossbar(SectionModel):
    """`tile.crossbar:` the array of cells.

    Attributes:
        rows: lines that are inputs of a forward read.
        cols: lines that are its outputs; a cell of several devices takes one for each.
        cell: `single-with-reference`: one device a weight, read against a reference; `differential-pair`: two, read
            against each other; `multi-device`: several, each with a reference.
        cell_devices: devices of a cell, where it is `multi-device`.
        cell_significance: of `multi-device`, the gain of each device's weight relative to the one before, or 1.
        cell_pulses: `all`: every device of a cell takes every pulse, the minus device of a pair the other way round;
            `in-turn`: one takes those of a step, the next one those of the next step.
        wire_r: ohm/m, resistance of a line per length; per cell it is `wire_r * pitch`.
        wire_c: F/m, capacitance of a line per length.
        pitch: m, from cell to cell, along rows and columns.
    """

    rows: Count
    cols: Count
    cell: Annotated[Literal["single-with-reference", "differential-pair", "multi-device"], Choice()]
    cell_devices: Annotated[int, Whole(2, 8)] = 2
    cell_significance: PositiveNumber | None = None
    cell_pulses: Annotated[Literal["all", "in-turn"], Choice()] = "all"
    wire_r: LineResistance | None = None
    wire_c: LineCapacitance | None = None
    pitch: Length | None = None

    @property
    def columns_per_weight(self) -> int:
        """Physical columns of one column of weights."""
        return {"differential-pair": 2, "multi-device": self.cell_devices}.get(self.cell, 1)

    @property
    def weight_cols(self) -> int:
        """Columns of weights that the crossbar holds."""
        return self.cols // self.columns_per_weight


class Driver(SectionModel):
    """`tile.driver:` what drives a row or a column.

    Attributes:
        area: m² per line, pulse generator included.
    """

    area: Area | None = None


class ShiftAdd(SectionModel):
    """`tile.shift_add:` what joins the codes of the passes of a bit-serial read, one behind each converter.

    Attributes:
        latency: cycles from a pass's code to the sum that holds it.
        energy: J per code that is shifted and added.
        area: m² of one.
    """

    latency: Cycles
    energy: Energy | None = None
    area: Area | None = None


class Buffer(SectionModel):
    """`tile.buffer:` where a tile keeps the vectors that it receives.

    Attributes:
        size: data, in whole bytes.
        port: data moved in one cycle, in whole bytes.
        vectors: depth of a channel into the buffer, in vectors.
        read_energy: J per byte read.
        write_energy: J per byte written.
        area: m² of the whole memory.
    """

    size: Bytes
    port: Bytes
    vectors: BusyCycles
    read_energy: Energy | None = None
    write_energy: Energy | None = None
    area: Area | None = None

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return int(self.size.value.exact("B"))

    @property
    def port_bytes(self) -> int:
        """Bytes moved in one cycle."""
        return int(self.port.value.exact("B"))


class Control(SectionModel):
    """`tile.control:` what sequences a tile, and all else in it.

    Attributes:
        area: m², instruction memory included.
    """

    area: Area | None = None


class Tile(SectionModel):
    """`tile:` one crossbar and what surrounds it.

    Attributes:
        unlimited: as many tiles as a model needs, and no chip around them.
        transposable: rows can be read out too, for the backward pass.
        leakage: W of the whole tile.
    """

    unlimited: Bool = False
    transposable: Bool = True
    crossbar: Crossbar
    driver: Driver | None = None
    dac: Dac | None = None
    adc: Adc | None = None
    shift_add: ShiftAdd | None = None
    read: Read
    update: Update
    program: Program
    buffer: Buffer | None = None
    control: Control | None = None
    leakage: Power | None = None
