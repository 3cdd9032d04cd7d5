"""`tile:` one crossbar with its converters, buffer and sequencing."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import (
    Area,
    Bytes,
    Energy,
    Fraction01,
    Frequency,
    Length,
    LineCapacitance,
    LineResistance,
    PositiveNumber,
    Power,
    Time,
    Voltage,
)
from ohmflow.targets.schema.leaves import Bool, BusyCycles, Choice, Count, Cycles, Whole
from ohmflow.targets.schema.model import SectionModel

Resolution = Annotated[int, Whole(2, 24)]
"""Resolution of a converter; 1 bit has no step in a symmetric range of 2^b - 2."""


class Crossbar(SectionModel):
    """`tile.crossbar:` the array of cells.

    Attributes:
        rows: lines that are inputs of a forward read.
        cols: lines that are its outputs.
        cell: `single-with-reference`: one device a weight, read against a reference.
        wire_r: ohm/m, resistance of a line per length; per cell it is `wire_r * pitch`.
        wire_c: F/m, capacitance of a line per length.
        pitch: m, from cell to cell, along rows and columns.
    """

    rows: Count
    cols: Count
    cell: Annotated[Literal["single-with-reference"], Choice()]
    wire_r: LineResistance | None = None
    wire_c: LineCapacitance | None = None
    pitch: Length | None = None


class Driver(SectionModel):
    """`tile.driver:` what drives a row or a column.

    Attributes:
        area: m² per line, pulse generator included.
    """

    area: Area | None = None


class Dac(SectionModel):
    """`tile.dac:` input converters, one a line.

    Attributes:
        bits: resolution over the range of inputs.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    energy: Energy | None = None
    area: Area | None = None


class Adc(SectionModel):
    """`tile.adc:` output converters.

    Attributes:
        bits: resolution over the whole range ±bound.
        bound: largest output, in units of one full input on a device of weight 1.
        noise: standard deviation of the output noise, in the same unit.
        rate: Hz, conversions of one converter.
        latency: cycles from the end of the last conversion to its code.
        shared_by: lines that share one converter.
        banks: 1 bank serves columns and rows, 2 have one each.
        energy: J per conversion.
        area: m² of one converter.
    """

    bits: Resolution
    bound: PositiveNumber
    noise: Fraction01
    rate: Frequency | None = None
    latency: Cycles
    shared_by: Count
    banks: Annotated[int, Whole(1, 2)]
    energy: Energy | None = None
    area: Area | None = None


class Read(SectionModel):
    """`tile.read:` how a read is driven and managed.

    Attributes:
        integration: s, for which lines are driven and charge is collected.
        setup: cycles before the integration.
        voltage: V, of a full input.
        double_buffered: sample-and-hold frees the array while its outputs are converted.
        noise_management: `abs-max` scales inputs to the largest one.
        bound_management: `iterative` repeats a clipped forward read with half the input.
        max_retries: repetitions at most.
    """

    integration: Time | None = None
    setup: Cycles
    voltage: Voltage | None = None
    double_buffered: Bool
    noise_management: Annotated[Literal["abs-max", "none"], Choice()]
    bound_management: Annotated[Literal["iterative", "none"], Choice()]
    max_retries: Annotated[int, Whole(0, 30)]


class Update(SectionModel):
    """`tile.update:` how an outer product becomes pulses.

    Attributes:
        train_length: pulse slots of the longest train (BL_max); 0 on a device without pulses.
        scheme: `stochastic-compressed`: both signs in one pass.
        update_management: rows and columns share the probability by their largest magnitudes.
        train_length_management: trains are no longer than needed.
        setup: cycles before the first pulse.
    """

    train_length: Annotated[int, Whole(0, 100_000)]
    scheme: Annotated[Literal["stochastic-compressed"], Choice()]
    update_management: Bool
    train_length_management: Bool
    setup: Cycles


class Program(SectionModel):
    """`tile.program:` how stored weights are written.

    Attributes:
        mode: `ideal` writes exactly and takes no time; `write-verify` in rounds of pulses and a read.
        error: standard deviation of what remains, as a share of w_max - w_min.
        rounds: per row.
        pulses_per_round: pulse slots of one round.
    """

    mode: Annotated[Literal["ideal", "write-verify"], Choice()]
    error: Fraction01
    rounds: Cycles
    pulses_per_round: Cycles


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
    read: Read
    update: Update
    program: Program
    buffer: Buffer | None = None
    control: Control | None = None
    leakage: Power | None = None
