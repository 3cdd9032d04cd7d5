"""A crossbar array: a weight matrix held by programmable devices, read through converters and updated by pulses.

It is the value side only: it says what was computed and what happened, and knows neither time nor energy.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.draws import Purpose, key_of, normal_plane
from ohmflow.runtime.crossbar.errors import NotFiniteError, ShapeError, SpecError, StateError
from ohmflow.runtime.crossbar.half_select_kernel import half_select_kernel_for
from ohmflow.runtime.crossbar.read_kernel import conductance_sums, read
from ohmflow.runtime.crossbar.spec import (
    Block,
    ConductanceSpec,
    DrawSite,
    ReadCounts,
    ReadSpec,
    UpdateCounts,
    UpdateSpec,
    check_tiling,
)
from ohmflow.runtime.crossbar.trains import CLIPPED, COINCIDENCES, COL_PULSES, LOST, NOT_FINITE, ROW_PULSES
from ohmflow.runtime.crossbar.update_kernel import update_kernel_for
from ohmflow.runtime.crossbar.write_noise import show
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.stepped import write_noise_of

Matrix = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

_NO_SUMS = np.empty((0, 0), np.float64)


class CrossbarArray:
    """A weight matrix on a chip.

    Attributes:
        name: the array's name, for messages.
        alpha: α of W = α·w.
        w: [rows, cols] float32 weights as reads see them, device units. All that an array remembers is in `state`.
        hidden: [rows, cols] float32 weights that pulses act on; `w` itself on devices without write noise.
        planes: the draws of the devices.
    """

    def __init__(
        self,
        name: str,
        array_id: int,
        rows: int,
        cols: int,
        alpha: float,
        device: Device,
        blocks: tuple[Block, ...],
        read: ReadSpec | None,
        update: UpdateSpec,
        conductance: ConductanceSpec | None,
        seed: int,
    ) -> None:
        """Make an array with w = 0; `program` writes its weights.

        Args:
            name: the array's name.
            array_id: its number in the program; draws depend on it.
            rows: logical rows, the inputs of a forward read.
            cols: logical columns, its outputs.
            alpha: α > 0 of W = α·w.
            device: the device model.
            blocks: disjoint rectangles that cover the array.
            read: converters and their management; None for exact reads.
            update: the pulsed update's figures.
            conductance: range of a cell; None to count no read dose.
            seed: the run's seed, 0 ≤ seed < 2^64.

        Raises:
            SpecError: blocks do not cover the array once, or α or seed is out of range.
        """
        check_tiling(name, rows, cols, blocks)
        if not 0.0 < alpha < np.inf:
            raise SpecError(f"{name}: alpha must be above 0 and finite, not {alpha}; choose another weight scaling")
        if not 0 <= seed < 2**64:
            raise SpecError(f"{name}: the seed must be at least 0 and below 2^64, not {seed}; choose another seed")
        self.name = name
        self.alpha = alpha
        self.device = device
        self.w: Matrix = np.zeros((rows, cols), np.float32)
        self._write_noise = np.float32(write_noise_of(device))
        self.hidden = np.zeros_like(self.w) if self._write_noise > 0 else self.w
        self.planes = device.planes(rows, cols, seed, array_id)
        self._seed = seed
        self._array_id = array_id
        self._pulsed = device.dw_min > 0.0
        self._half_select = update.half_select_step > 0.0
        choose = half_select_kernel_for if self._half_select else update_kernel_for
        self._update_kernel = choose(self.planes)
        self._read = read if self._pulsed else None  # the ideal device is read exactly
        self._conductance = conductance
        self._identity = np.array([seed, array_id], np.uint64)
        self._blocks = np.array([(b.row0, b.col0, b.rows, b.cols) for b in blocks], np.int64).reshape(-1, 4)
        managed = (update.update_management, update.train_length_management)
        self._update_settings = np.array(
            [device.dw_min, update.train_length, *managed, update.half_select_step], np.float64
        )
        self._read_settings = self._settings_of_read(read)
        count = conductance is not None
        self._row_sums = np.empty((len(blocks), max(b.rows for b in blocks))) if count else _NO_SUMS
        self._col_sums = np.empty((len(blocks), max(b.cols for b in blocks))) if count else _NO_SUMS
        self._sums_are_stale = True

    def _settings_of_read(self, spec: ReadSpec | None) -> npt.NDArray[np.float64]:
        if spec is None:
            return np.zeros(7)
        # 2^b − 2 steps from −1 to 1 are 2^(b−1) − 1 steps from 0 to 1.
        dac_levels, adc_levels = ((2 ** (b - 1) - 1 if b else 0) for b in (spec.dac_bits, spec.adc_bits))
        retries = spec.max_retries if spec.bound_management == "iterative" else 0
        scaled = spec.noise_management == "abs-max"
        return np.array([dac_levels, adc_levels, spec.out_bound, spec.out_noise, scaled, retries, self.alpha])

    def touch(self) -> None:
        """Say that `w` was changed from outside; pulses act on what is there now."""
        self.hidden[:] = self.w
        self._sums_are_stale = True

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that the array remembers, by name, as copies.

        Returns:
            `w` and, with write noise, `hidden`: [rows, cols] float32, device units. The devices' draws are not in it:
            seed and number give them.
        """
        return {name: plane.copy() for name, plane in self._state_planes().items()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over a state, bit for bit.

        Args:
            state: what `state` returned, of an array of the same shape and device.

        Raises:
            StateError: a name is missing or unknown, or a plane has another shape or type; nothing is changed.
        """
        own = self._state_planes()
        if set(state) != set(own):
            held = ", ".join(sorted(state)) or "nothing"
            raise StateError(
                f"{self.name}: the state must hold {', '.join(sorted(own))}, not {held}; "
                "restore what an array of the same device gave"
            )
        for name, plane in own.items():
            given = state[name]
            if given.shape != plane.shape or given.dtype != plane.dtype:
                raise StateError(
                    f"{self.name}: '{name}' of the state must be {plane.dtype} of shape {plane.shape}, not "
                    f"{given.dtype} of shape {given.shape}; restore what an array of the same shape gave"
                )
        for name, plane in own.items():
            plane[:] = state[name]
        self._sums_are_stale = True

    def _state_planes(self) -> dict[str, Matrix]:
        return {"w": self.w} if self.hidden is self.w else {"w": self.w, "hidden": self.hidden}

    def weights(self) -> Matrix:
        """Return the logical weights W = α·w, [rows, cols], a copy."""
        return self.w * np.float32(self.alpha)

    def program(self, weights: npt.ArrayLike, error: float = 0.0, occasion: int = 0) -> int:
        """Write the weights.

        Args:
            weights: [rows, cols] logical weights W.
            error: standard deviation of what write-verify leaves, relative to w_max − w_min; 0 writes exactly.
            occasion: how many times the array was programmed before in this run; each has errors of its own.

        Returns:
            How many weights lay outside of their device's bounds and were clipped to them.

        Raises:
            ShapeError: the weights do not fit the array.
        """
        wanted = np.asarray(weights, np.float64)
        if wanted.shape != self.w.shape:
            raise ShapeError(
                f"{self.name}: weights must be [rows, cols] = {self.w.shape}, not {wanted.shape}; transpose or cut them"
            )
        wanted = wanted / self.alpha
        low, high = self.device.bounds(self.planes)
        clipped = int(np.count_nonzero((wanted < low) | (wanted > high)))
        if error > 0.0:
            w_min, w_max = self.device.nominal_bounds
            key = np.uint64(key_of(self._seed, Purpose.PROGRAM, self._array_id, 0, occasion))
            wanted = np.clip(wanted, low, high) + error * (w_max - w_min) * normal_plane(key, *self.w.shape)
        self.w[:] = np.clip(wanted.astype(np.float32), low, high)
        self.touch()
        return clipped

    def forward(self, x: Matrix, at: DrawSite) -> tuple[Matrix, ReadCounts]:
        """Read the array with row inputs.

        Args:
            x: [n, rows] inputs.
            at: what the draws are for.

        Returns:
            y = α·read(w, x), [n, cols] float32, and what the reads did.

        Raises:
            ShapeError: x does not fit the array.
        """
        x = self._fitting(x, 0, "x", "rows")
        if self._read is None:
            return (x @ self.w) * np.float32(self.alpha), self._nothing_counted(x.shape[0])
        return self._through_converters(x, False, self._row_sums, at)

    def transposed(self, d: Matrix, at: DrawSite) -> tuple[Matrix, ReadCounts]:
        """Read the array with column inputs.

        Args:
            d: [n, cols] errors.
            at: what the draws are for.

        Returns:
            x̄ = α·read_t(w, d), [n, rows] float32, and what the reads did; they never retry.

        Raises:
            ShapeError: d does not fit the array.
        """
        d = self._fitting(d, 1, "d", "cols")
        if self._read is None:
            return (d @ self.w.T) * np.float32(self.alpha), self._nothing_counted(d.shape[0])
        return self._through_converters(d, True, self._col_sums, at)

    def update(self, x: Matrix, d: Matrix, lr: float, at: DrawSite) -> UpdateCounts:
        """Move W by −lr·x⊗d for each pair of vectors, in order.

        Args:
            x: [n, rows] inputs of the forward read.
            d: [n, cols] errors ∂L/∂y.
            lr: learning rate, ≥ 0, logical weight units.
            at: what the draws are for.

        Returns:
            What the updates did. An ideal device is not pulsed and counts only the vectors.

        Raises:
            ShapeError: x or d does not fit the array, or they differ in n.
            SpecError: lr is negative or not finite.
            NotFiniteError: x or d is not finite; the other vectors' updates are applied.
        """
        x = self._fitting(x, 0, "x", "rows")
        d = self._fitting(d, 1, "d", "cols")
        n = x.shape[0]
        if d.shape[0] != n:
            raise ShapeError(
                f"{self.name}: x and d must have equally many vectors, not {n} and {d.shape[0]}; pair them"
            )
        if not 0.0 <= lr < np.inf:
            raise SpecError(
                f"{self.name}: the learning rate must be at least 0 and finite, not {lr}; change its sign in d"
            )
        self._sums_are_stale = True
        rate = float(lr) / self.alpha
        lengths = np.zeros(n, np.int32)
        counts = np.zeros((3, self._blocks.shape[0]), np.int64)
        if not self._pulsed:
            self.w -= np.float32(rate) * (x.T @ d)
            return UpdateCounts(lengths, counts[0], counts[1], counts[2], counts[2], 0, 0, n)
        totals = np.zeros(3, np.int64)
        marks = np.zeros(self.w.shape, np.uint64) if self._write_noise > 0 else None
        self._update_kernel(
            self.hidden,
            self.planes,
            x,
            d,
            rate,
            self._update_settings,
            self._identity,
            _numbers(at),
            self._blocks,
            lengths,
            counts,
            totals,
            marks,
        )
        if marks is not None:
            show(self.hidden, marks, self._write_noise, self.w)
        if totals[NOT_FINITE]:
            raise NotFiniteError(
                f"{self.name}: x and d of an update must be finite, not so in {totals[NOT_FINITE]} of {n} vectors; "
                "training has diverged: lower the learning rate"
            )
        rows, cols, together = counts[ROW_PULSES], counts[COL_PULSES], counts[COINCIDENCES]
        half_moves = self._half_moves(rows, cols, together)
        return UpdateCounts(lengths, rows, cols, together, half_moves, int(totals[CLIPPED]), int(totals[LOST]), n)

    def _half_moves(self, row_pulses: Counts, col_pulses: Counts, coincidences: Counts) -> Counts:
        """Count the pulses of one line alone that the blocks' devices saw, if such pulses move them."""
        if not self._half_select:
            return np.zeros_like(coincidences)
        seen: Counts = row_pulses * self._blocks[:, 3] + col_pulses * self._blocks[:, 2] - 2 * coincidences
        return seen

    def _fitting(self, vectors: Matrix, axis: int, what: str, lines: str) -> Matrix:
        if vectors.ndim != 2 or vectors.shape[1] != self.w.shape[axis]:
            raise ShapeError(
                f"{self.name}: {what} must be [n, {lines}] with {self.w.shape[axis]} {lines}, not {vectors.shape}; "
                "reshape it"
            )
        if vectors.dtype == np.float32 and vectors.flags.c_contiguous and vectors.flags.writeable:
            return vectors
        # A kernel is compiled for one layout; what is read-only or strided would be a second one.
        return np.array(vectors, np.float32, order="C")

    def _nothing_counted(self, n: int) -> ReadCounts:
        blocks = self._blocks.shape[0]
        none = np.zeros(blocks, np.int64)
        return ReadCounts(np.zeros((n, blocks), np.int32), none, none, np.zeros(blocks))

    def _through_converters(
        self, vectors: Matrix, transposed: bool, sums: npt.NDArray[np.float64], at: DrawSite
    ) -> tuple[Matrix, ReadCounts]:
        if self._sums_are_stale and self._conductance is not None:
            self._add_up_conductances(self._conductance)
        n, blocks = vectors.shape[0], self._blocks.shape[0]
        y = np.zeros((n, self.w.shape[0 if transposed else 1]), np.float32)
        retries = np.zeros((n, blocks), np.int32)
        counts = np.zeros((2, blocks), np.int64)
        dose = np.zeros(blocks)
        read(
            self.w,
            vectors,
            transposed,
            self._read_settings,
            self._identity,
            _numbers(at),
            self._blocks,
            sums,
            y,
            retries,
            counts,
            dose,
        )
        return y, ReadCounts(retries, counts[0], counts[1], dose)

    def block_conductance(self) -> npt.NDArray[np.float64]:
        """Conductance of all cells of each block, references included, [blocks] siemens; 0 without a window."""
        if self._conductance is None or not self._pulsed:
            return np.zeros(self._blocks.shape[0])
        if self._sums_are_stale:
            self._add_up_conductances(self._conductance)
        return np.array([self._row_sums[k, :rows].sum() for k, rows in enumerate(self._blocks[:, 2])])

    def _add_up_conductances(self, conductance: ConductanceSpec) -> None:
        w_min, w_max = self.device.nominal_bounds
        slope = (conductance.g_max - conductance.g_min) / (w_max - w_min)
        at_zero = conductance.g_min - w_min * slope
        # A cell conducts at_zero + slope·w and its reference at_zero.
        conductance_sums(self.w, self._blocks, slope, 2.0 * at_zero, self._row_sums, self._col_sums)
        self._sums_are_stale = False


def _numbers(at: DrawSite) -> tuple[int, int, int, int, int, int]:
    purpose, site, step, position, sample0, positions = at
    return int(purpose), site, step, position, sample0, positions
