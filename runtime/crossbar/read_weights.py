"""What reads need to know of an array's weights: conductances of lines, and weights as resistive wires show them.

All of it follows from the weights, and is made anew for the first read after they have changed.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.ir_drop import Wires, effective_conductance, exact_currents
from ohmflow.runtime.crossbar.read_kernel import conductance_sums
from ohmflow.runtime.crossbar.spec import ConductanceSpec, ReadSpec

Matrix = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]


class ReadWeights:
    """An array's weights as reads see them.

    A cell conducts at_zero + slope·w, not less than 0, and its reference at_zero. Wires are those of a crossbar as
    large as the block, driven at its first line, once with the cells and once with the references: what a line carries
    is the difference of the two.

    Args:
        spec: noise and wires.
        conductance: range of a cell; None if the currents are not known.
        nominal_bounds: (w_min, w_max) of the device, to which the range belongs.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        conducting: [rows, cols] sums of the weights of every cell's devices, where cells have several; else they are w.

    Raises:
        SpecError: noise or wires ask for conductances, and there is no range; or for cells of one device, and these
            have several.
    """

    def __init__(
        self,
        spec: ReadSpec,
        conductance: ConductanceSpec | None,
        nominal_bounds: tuple[float, float],
        blocks: npt.NDArray[np.int64],
        conducting: Callable[[], Matrix] | None = None,
    ) -> None:
        asks = {"thermal": spec.thermal > 0, "flicker": spec.flicker > 0, "ir_drop": spec.ir_drop != "none"}
        if conductance is None and any(asks.values()):
            what = next(name for name, asked in asks.items() if asked)
            raise SpecError(
                f"read.{what}: it must be left out where the conductances of cells are not known; "
                "give the array a conductance range"
            )
        for what in ("flicker", "ir_drop"):
            if asks[what] and conducting is not None:
                raise SpecError(
                    f"read.{what}: it must be left out where cells have several devices, since it takes one device and "
                    "one reference a cell; leave it out, or use such cells"
                )
        self._spec = spec
        self._blocks = blocks
        self._is_stale = True
        self._slope = self._at_zero = 0.0
        self._conducting = conducting
        self._elements = 2.0 if conductance is None else float(conductance.elements)
        count = len(blocks)
        self.row_sums = self.col_sums = np.empty((count, 0))
        self.counts_dose = conductance is not None
        if conductance is not None:
            w_min, w_max = nominal_bounds
            self._slope = (conductance.g_max - conductance.g_min) / (w_max - w_min)
            self._at_zero = conductance.g_min - w_min * self._slope
            self.row_sums = np.zeros((count, int(blocks[:, 2].max())))
            self.col_sums = np.zeros((count, int(blocks[:, 3].max())))
        longest = int(blocks[:, 2:].max())
        self._quiet = np.full((count, longest), spec.out_noise**2, np.float32)
        self._thermal = [np.zeros((count, longest), np.float32) for _ in range(2)] if spec.thermal else []
        self._wired_references: dict[tuple[int, ...], Sums] = {}
        self.seen: Matrix = np.empty((0, 0), np.float32)
        self.squares: Matrix = np.empty((0, 0), np.float32)

    @property
    def slope(self) -> float:
        """Siemens per device unit; 0 if the currents are not known."""
        return self._slope

    @property
    def base(self) -> float:
        """Conductance of a cell with w = 0 and of its reference, siemens."""
        return self._elements * self._at_zero

    @property
    def conducts_apart(self) -> bool:
        """Whether a cell's conductance does not follow from its weight."""
        return self._conducting is not None

    @property
    def has_thermal(self) -> bool:
        """Whether the noise of lines depends on the weights."""
        return bool(self._thermal)

    def touch(self) -> None:
        """Say that the weights have changed."""
        self._is_stale = True

    def refresh(self, w: Matrix) -> None:
        """Make anew what no longer fits the weights.

        Args:
            w: [rows, cols] device weights.
        """
        if not self._is_stale:
            return
        self.seen = w
        if self.counts_dose:
            # A device conducts at_zero + slope·w and a reference at_zero.
            base, sums = self._elements * self._at_zero, w if self._conducting is None else self._conducting()
            conductance_sums(sums, self._blocks, self._slope, base, self.row_sums, self.col_sums)
        for own, thermal in zip((self.col_sums, self.row_sums), self._thermal, strict=False):
            thermal[:, : own.shape[1]] = own * (self._spec.thermal / self._slope**2)
        if self._spec.flicker > 0.0:
            zero = np.float32(self._at_zero / self._slope)
            self.squares = np.maximum(w + zero, 0) ** 2 + zero**2
        if self._spec.ir_drop == "fast":
            self.seen = np.empty_like(w)
            for b in range(len(self._blocks)):
                cells, references = self.conductances(w, b)
                if references.shape not in self._wired_references:  # they are alike, and do not change
                    self._wired_references[references.shape] = effective_conductance(references, self._wires)
                wired = effective_conductance(cells, self._wires) - self._wired_references[references.shape]
                self._part(self.seen, b)[:] = wired / self._slope
        self._is_stale = False

    def thermal(self, transposed: bool) -> Matrix:
        """Variance of the thermal noise of each output line, [blocks, longest line count], device units squared."""
        return self._thermal[transposed] if self._thermal else np.zeros_like(self._quiet)

    def variances(self, transposed: bool) -> Matrix:
        """Variance of all noise that the input does not change, [blocks, longest line count], device units squared."""
        return self._quiet + self._thermal[transposed] if self._thermal else self._quiet

    def conductances(self, w: Matrix, b: int) -> tuple[Sums, Sums]:
        """Conductances of a block.

        Args:
            w: [rows, cols] device weights of the array.
            b: number of the block.

        Returns:
            [rows, cols] siemens of its cells, and of its references.
        """
        cells = np.maximum(self._at_zero + self._slope * self._part(w, b).astype(np.float64), 0.0)
        return cells, np.full_like(cells, self._at_zero)

    def exact_products(self, w: Matrix, b: int, u: npt.NDArray[np.float64], transposed: bool) -> Sums:
        """Solve a block's currents vector by vector.

        Args:
            w: [rows, cols] device weights of the array.
            b: number of the block.
            u: [n, rows] inputs, or [n, cols] if transposed, in full inputs.
            transposed: whether columns are driven.

        Returns:
            [n, cols] or [n, rows] outputs, device units.
        """
        cells, references = (exact_currents(g, u, self._wires, transposed) for g in self.conductances(w, b))
        return (cells - references) / self._slope

    @property
    def _wires(self) -> Wires:
        wires = self._spec.wires
        assert wires is not None, "checked by the spec"
        return wires

    def _part(self, matrix: Matrix, b: int) -> Matrix:
        row0, col0, rows, cols = self._blocks[b]
        return matrix[row0 : row0 + rows, col0 : col0 + cols]
