"""IR drop: what a crossbar's wires take from a read (`docs/ir-drop.md`).

A word line is driven at its first cell and a bit line is held at 0 volts after its last; every segment of a line, the
ones to the driver and to the sensed end included, has a resistance. `exact_currents` solves Kirchhoff's current law at
all 2·rows·cols nodes; `fast_currents` does a few sweeps over the lines, and `fast_error` bounds what it leaves out. A
transposed read drives the sensed ends and senses the driven ones, through the same wires.

Source of the equations: Kirchhoff's laws. Not modelled: resistance of drivers and sense amplifiers, wires that differ
along a line, devices that are not ohmic, time.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.errors import IrDropError, ShapeError
from ohmflow.runtime.crossbar.ir_drop_kernel import LANES, factors, line_currents, shares, solve, sweep

Matrix = npt.NDArray[np.float64]

TOLERANCE = 1e-13
"""Residual at which the exact solution ends, relative to that of bit lines at 0 volts."""

_TURNS_PER_LINE = 64
"""Wires a thousand times as resistive as cells, which no array has, take about 24; this bound is a safeguard."""


@dataclass(frozen=True)
class Wires:
    """Resistances of a segment of wire, between two cells or between the last cell and the end of its line.

    Attributes:
        word: of a word line, ohms.
        bit: of a bit line, ohms.
    """

    word: float
    bit: float

    def __post_init__(self) -> None:
        """Check the resistances.

        Raises:
            IrDropError: one of them is negative or not finite.
        """
        for name, ohms in (("word", self.word), ("bit", self.bit)):
            if not 0.0 <= ohms < inf:
                raise IrDropError(f"wires.{name}: must be at least 0 and finite, not {ohms}; give ohms a segment")


def exact_currents(
    conductance: npt.ArrayLike, voltages: npt.ArrayLike, wires: Wires, transposed: bool = False
) -> Matrix:
    """Solve the currents of a read with resistive wires.

    Args:
        conductance: [rows, cols] of the cells, siemens, at least 0.
        voltages: [n, rows] of the drivers, volts; [n, cols] if transposed.
        wires: resistances of a segment.
        transposed: whether the bit lines are driven, at the ends where they are sensed in a forward read, and the word
            lines are sensed where they are driven.

    Returns:
        [n, cols] currents into the sensed ends, amperes; [n, rows] if transposed. A vector's result does not depend on
        the other vectors of the call.

    Raises:
        ShapeError: the voltages do not fit the conductances.
        IrDropError: a conductance or a voltage is out of range, or the solution does not converge.
    """
    lines = _Lines(conductance, wires, transposed)
    given = lines.fitting(voltages)
    out = np.empty((given.shape[0], lines.g.shape[1]))
    most = 100 + _TURNS_PER_LINE * sum(lines.g.shape)
    for first in range(0, len(given), LANES):
        volts, b = lines.lanes(given[first : first + LANES])
        ohms = lines.wires
        turns = solve(lines.g, lines.word, lines.bit, ohms.word, ohms.bit, volts, b, TOLERANCE, most)
        if turns < 0:
            raise IrDropError(
                f"IR drop: the currents must settle within {most} turns, not stay unsolved; "
                "give wires a resistance nearer to that of the cells"
            )
        lines.sense(volts, b, out[first : first + LANES])
    return lines.outputs(out)


def fast_currents(
    conductance: npt.ArrayLike, voltages: npt.ArrayLike, wires: Wires, transposed: bool = False, sweeps: int = 1
) -> Matrix:
    """Estimate the currents of a read with resistive wires, by sweeps over the lines.

    A sweep solves every word line with the bit lines as they are (at 0 volts before the first), then every bit line
    with the currents that follow. After one sweep the currents are those of `effective_conductance`, which is how they
    are made: a matrix product for all vectors. More sweeps are done vector by vector.

    Args:
        conductance: [rows, cols] of the cells, siemens, at least 0.
        voltages: [n, rows] of the drivers, volts; [n, cols] if transposed.
        wires: resistances of a segment.
        transposed: as of `exact_currents`.
        sweeps: at least 1; each takes an error of which `fast_error` is the bound.

    Returns:
        [n, cols] currents into the sensed ends, amperes; [n, rows] if transposed. Where no voltage is negative, they
        are not above the exact ones.

    Raises:
        ShapeError: the voltages do not fit the conductances.
        IrDropError: a conductance, a voltage or the sweeps are out of range.
    """
    lines = _Lines(conductance, wires, transposed)
    _check_sweeps(sweeps)
    given = lines.fitting(voltages)
    if sweeps == 1:
        out = given @ lines.effective()
    else:
        out = np.empty((given.shape[0], lines.g.shape[1]))
        for first in range(0, len(given), LANES):
            volts, b = lines.lanes(given[first : first + LANES])
            for _ in range(sweeps - 1):  # the last one's bit lines are only read
                sweep(lines.g, lines.word, lines.bit, lines.wires.word, lines.wires.bit, volts, b)
            lines.sense(volts, b, out[first : first + LANES])
    return lines.outputs(out)


def effective_conductance(conductance: npt.ArrayLike, wires: Wires) -> Matrix:
    """Return conductances that, with ideal wires, give the currents of a fast read with one sweep.

    Each cell's conductance is multiplied by the share of the driver's voltage that reaches it and by the share of its
    current that reaches the sensed end, both with the lines across at 0 volts. It serves both directions: a
    transposed read is the product with its transpose.

    Args:
        conductance: [rows, cols] of the cells, siemens, at least 0.
        wires: resistances of a segment.

    Returns:
        [rows, cols] siemens, not above `conductance`.

    Raises:
        ShapeError: the conductances are no matrix.
        IrDropError: a conductance is out of range.
    """
    return _Lines(conductance, wires, transposed=False).effective()


def fast_error(conductance: npt.ArrayLike, wires: Wires, sweeps: int = 1) -> float:
    """Bound the error of `fast_currents`, from the conductances alone.

    No output line's current differs from the exact one by more than this share of what the line would carry with ideal
    wires and the largest voltage of the read on every driver. The bound is θ^sweeps/(1 − θ), θ being the product of the
    largest share of its voltage that a word line loses on the way to a cell, bit lines at 0 volts, and the largest
    share of a cell's current that flows back into word lines, these at 0 volts.

    Args:
        conductance: [rows, cols] of the cells, siemens, at least 0.
        wires: resistances of a segment.
        sweeps: at least 1.

    Returns:
        The share, dimensionless; the same for a transposed read.

    Raises:
        ShapeError: the conductances are no matrix.
        IrDropError: a conductance or the sweeps are out of range.
    """
    _check_sweeps(sweeps)
    lines = _Lines(conductance, wires, transposed=False)
    theta = float((1.0 - lines.driven.min()) * (1.0 - lines.sensed.min()))
    return theta**sweeps / (1.0 - theta)


class _Lines:
    """A crossbar as its solvers want it: driven at the first column, sensed after the last row.

    A crossbar that is driven at its bottom and sensed at its left is one that is turned by half and transposed.

    Attributes:
        g: [rows, cols] siemens.
        word: [rows, cols] inverse pivots of the word lines.
        bit: [rows, cols] inverse pivots of the bit lines.
        driven: [rows, cols] share of the driver's voltage that reaches a cell, bit lines at 0 volts.
        sensed: [rows, cols] share of a cell's current that reaches the sensed end, word lines at 0 volts.
        seen: [rows, cols] sensed·g, siemens.
        wires: resistances of a segment.
    """

    def __init__(self, conductance: npt.ArrayLike, wires: Wires, transposed: bool) -> None:
        g = np.asarray(conductance, np.float64)
        if g.ndim != 2 or 0 in g.shape:
            raise ShapeError(f"conductances: must be [rows, cols] with at least one cell, not {g.shape}; reshape them")
        wrong = g[~((g >= 0.0) & (g < inf))]
        if wrong.size:
            raise IrDropError(
                f"conductances: must be at least 0 and finite, not {wrong[0]}; give what cells conduct, in siemens"
            )
        self._transposed = transposed
        self.g = np.ascontiguousarray(g[::-1, ::-1].T if transposed else g)
        self.wires = Wires(wires.bit, wires.word) if transposed else wires
        self.word, self.bit = np.empty_like(self.g), np.empty_like(self.g)
        factors(self.g, self.wires.word, self.wires.bit, self.word, self.bit)
        self.driven, self.sensed = np.empty_like(self.g), np.empty_like(self.g)
        shares(self.word, self.bit, self.driven, self.sensed)
        self.seen = self.sensed * self.g

    def fitting(self, voltages: npt.ArrayLike) -> Matrix:
        """Return the voltages [n, driven lines] in the solver's order of lines."""
        given = np.asarray(voltages, np.float64)
        lines = self.g.shape[0]
        if given.ndim != 2 or given.shape[1] != lines:
            kind = "cols" if self._transposed else "rows"
            raise ShapeError(f"voltages: must be [n, {kind}] with {lines} {kind}, not {given.shape}; reshape them")
        if not np.isfinite(given).all():
            raise IrDropError(f"voltages: must be finite, not {given[~np.isfinite(given)][0]}; give volts")
        return given[:, ::-1] if self._transposed else given

    def outputs(self, currents: Matrix) -> Matrix:
        """Return currents [n, sensed lines] in the caller's order of lines."""
        return currents[:, ::-1].copy() if self._transposed else currents

    def lanes(self, given: Matrix) -> tuple[Matrix, Matrix]:
        """Return volts [rows, LANES] of up to LANES vectors, and bit lines [rows, cols, LANES] at 0 volts."""
        volts = np.zeros((self.g.shape[0], LANES))
        volts[:, : len(given)] = given.T
        return volts, np.zeros((*self.g.shape, LANES))

    def sense(self, volts: Matrix, b: Matrix, out: Matrix) -> None:
        """Set out [at most LANES, cols] to the currents that follow from the bit lines' voltages."""
        currents = np.empty((self.g.shape[1], LANES))
        line_currents(self.g, self.word, self.seen, self.wires.word, volts, b, currents)
        out[:] = currents.T[: len(out)]

    def effective(self) -> Matrix:
        """Return [rows, cols] effective conductances, siemens."""
        return self.driven * self.seen


def _check_sweeps(sweeps: int) -> None:
    if sweeps < 1:
        raise IrDropError(f"sweeps: must be at least 1, not {sweeps}; do one for an effective conductance")
