"""A crossbar array: a weight matrix held by programmable devices, read through converters and updated by pulses.

It is the value side only: it says what was computed and what happened, and knows neither time nor energy.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.ageing import Ageing, AgeingSpec
from ohmflow.runtime.crossbar.bound_read import BoundRead
from ohmflow.runtime.crossbar.bound_update import BoundUpdate
from ohmflow.runtime.crossbar.counts import ReadCounts, UpdateCounts
from ohmflow.runtime.crossbar.draws import Purpose, key_of, normal_plane
from ohmflow.runtime.crossbar.errors import ShapeError, SpecError, StateError
from ohmflow.runtime.crossbar.reading import Reader, ReadFigures
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec, UpdateSpec, check_tiling
from ohmflow.runtime.crossbar.updating import UpdateFigures, Updater
from ohmflow.runtime.crossbar.wear import Wear, WearSpec
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.upkeep import Conducting, TurnTaking, begin, settle, state_of, window_bounds_of

Matrix = npt.NDArray[np.float32]


class CrossbarArray:
    """A weight matrix on a chip.

    Attributes:
        name: the array's name, for messages.
        alpha: α of W = α·w.
        w: [rows, cols] float32 weights as reads see them, device units. All that an array remembers is in `state`.
        hidden: [rows, cols] float32 weights that pulses act on; `w` itself on devices without write noise.
        planes: the draws of the devices.
        wear: the pulses that they took; None where nobody counts them.
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
        ageing: AgeingSpec | None = None,
        wear: WearSpec | None = None,
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
            ageing: what time does to devices; None for devices that keep their weights.
            wear: how many pulses devices survive; None not to count them.

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
        self.planes = device.planes(rows, cols, seed, array_id)
        self._seed = seed
        self._array_id = array_id
        identity = np.array([seed, array_id], np.uint64)
        places = np.array([(b.row0, b.col0, b.rows, b.cols) for b in blocks], np.int64).reshape(-1, 4)
        is_pulsed = device.dw_min > 0.0
        self._reader = Reader(
            read if is_pulsed else None,  # the ideal device is read exactly
            conductance if is_pulsed else None,
            window_bounds_of(device),
            alpha,
            places,
            identity,
            partial(device.conducting, self.planes) if isinstance(device, Conducting) else None,
        )
        self._takes_turns = isinstance(device, TurnTaking)
        self._updater = Updater(name, device, self.planes, update, places, identity)
        self.hidden = np.zeros_like(self.w) if self._updater.hides_weights else self.w
        self.wear = Wear(wear, rows, cols, seed, array_id) if wear is not None and is_pulsed else None
        self._ageing = None
        if ageing is not None and ageing.does_anything and is_pulsed:
            self._ageing = Ageing(ageing, device.bounds(self.planes), device.nominal_bounds, seed, array_id)

    def touch(self) -> None:
        """Say that `w` was changed from outside; pulses act on what is there now."""
        self._take_weights(programmed=False)

    def _take_weights(self, programmed: bool) -> None:
        self.hidden[:] = self.w
        settle(self.device, self.planes, self.hidden, programmed)
        self._reader.touch()

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that the array remembers, by name, as copies.

        Returns:
            `w` and, with write noise, `hidden`: [rows, cols] float32, device units; what devices of the model remember
            beside it, as `device.NAME`; of devices that age or wear, what `Ageing.planes` and `Wear.planes` list. The
            devices' draws are not in it: seed and number give them.
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
        self._reader.touch()

    def _state_planes(self) -> dict[str, npt.NDArray[np.generic]]:
        kept: dict[str, npt.NDArray[np.generic]] = {"w": self.w}
        if self.hidden is not self.w:
            kept["hidden"] = self.hidden
        kept |= {f"device.{name}": plane for name, plane in state_of(self.planes).items()}
        if self._ageing is not None:
            kept |= self._ageing.planes()
        if self.wear is not None:
            kept |= self.wear.planes()
        return kept | self._reader.state()

    def elapse(self, seconds: float) -> None:
        """End a step, and let simulated time pass.

        Args:
            seconds: how much, ≥ 0; devices without ageing do not notice.
        """
        if self.wear is not None:
            self.wear.end_step()
        if self._ageing is not None and self._ageing.elapse(seconds, self.w, self.hidden):
            settle(self.device, self.planes, self.hidden, programmed=False)
            self._reader.touch()

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
        self._take_weights(programmed=True)
        if self._ageing is not None:
            self._ageing.programmed(self.hidden)
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
        return self._reader.read(self.w, x, False, at)

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
        return self._reader.read(self.w, d, True, at)

    def update(self, x: Matrix, d: Matrix, lr: float, at: DrawSite, scheme: str | None = None) -> UpdateCounts:
        """Move W by −lr·x⊗d for each pair of vectors, in order.

        Args:
            x: [n, rows] inputs of the forward read.
            d: [n, cols] errors ∂L/∂y.
            lr: learning rate, ≥ 0, logical weight units.
            at: what the draws are for.
            scheme: how pulses are chosen; None for that of the array's `UpdateSpec`.

        Returns:
            What the updates did. An ideal device is not pulsed and counts only the vectors.

        Raises:
            ShapeError: x or d does not fit the array, or they differ in n.
            SpecError: lr is negative or not finite, or there is no such scheme.
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
        self._reader.touch()
        rate = float(lr) / self.alpha
        if self._takes_turns:
            begin(self.device, self.planes, at.step)
        if self.wear is None:
            return self._dosed(self._updater.update(self.w, self.hidden, x, d, rate, at, scheme))
        self._updater.count_pulses(x, d, rate, at, self.wear.pulses, scheme)
        worn = self.wear.stuck.copy() if self.wear.sticks else None
        # What devices remember beside their weight is held too: a worn pair must not fill up under its fixed weight.
        own = [plane for plane in (self.w, self.hidden, *state_of(self.planes).values()) if worn is not None]
        held = [(plane, self.wear.held(plane)) for plane in own if plane.shape[-2:] == self.w.shape]
        try:
            counts = self._updater.update(self.w, self.hidden, x, d, rate, at, scheme, worn)
        finally:
            for plane, before in held:
                self.wear.hold(plane, before)
            if len(held) < len(own):
                settle(self.device, self.planes, self.hidden, programmed=False)
        if counts.refresh is not None:
            self.wear.pulses += counts.refresh.device_pulses.astype(np.uint32)
        return self._dosed(counts)

    def update_figures(self, scheme: str | None = None) -> UpdateFigures | None:
        """What a fused kernel needs to pulse `hidden` by itself; it marks and shows what it pulses, and calls `moved`.

        Args:
            scheme: how pulses are chosen; None for that of the array's `UpdateSpec`.

        Returns:
            The figures; None where more is done in an update than its pulses.
        """
        return None if self.wear is not None or self._takes_turns else self._updater.figures(scheme)

    def read_figures(self, transposed: bool = False) -> ReadFigures | None:
        """What a fused kernel needs to read a line by itself; None where a read depends on more than the line."""
        return self._reader.figures(transposed)

    def bound_read(self, transposed: bool, vectors: int, purpose: int, site: int) -> BoundRead | None:
        """Make ready to read equally many vectors again and again, as `forward` and `transposed` do.

        Args:
            transposed: whether columns are driven.
            vectors: how many are read.
            purpose: of the draws.
            site: of the draws.

        Returns:
            The read; None where reads are exact, or more than one kernel makes them.
        """
        return self._reader.bound(self.w, transposed, vectors, (purpose, site))

    def bound_update(self, purpose: int, site: int, scheme: str | None = None) -> BoundUpdate | None:
        """Make ready to update again and again, as `update` does.

        Args:
            purpose: of the draws.
            site: of the draws.
            scheme: how pulses are chosen; None for that of the array's `UpdateSpec`.

        Returns:
            The update; None where more is done in an update than pulses that reads see as they are.
        """
        figures = self.update_figures(scheme)
        if figures is None or self.hidden is not self.w:
            return None
        return BoundUpdate(self.name, self.w, self.planes, self.alpha, figures, (purpose, site), self.moved)

    def moved(self) -> None:
        """Say that a fused kernel has pulsed the devices, and set `w` and `hidden`."""
        self._reader.touch()

    def _dosed(self, counts: UpdateCounts) -> UpdateCounts:
        """Add what the reads of a refresh conducted: as the devices stand behind it."""
        if counts.refresh is None:
            return counts
        dose = self._reader.dose_of_rows(self.w, counts.refresh.row_reads)
        return counts._replace(refresh=counts.refresh._replace(dose=dose))

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

    def block_conductance(self) -> npt.NDArray[np.float64]:
        """Conductance of all cells of each block, references included, [blocks] siemens; 0 without a window."""
        return self._reader.block_conductance(self.w)
