"""How an array is updated: settings, devices and counts on one side, the update kernels on the other."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.counts import RefreshCounts, UpdateCounts
from ohmflow.runtime.crossbar.errors import NotFiniteError, SpecError
from ohmflow.runtime.crossbar.half_select_kernel import half_select_kernel_for
from ohmflow.runtime.crossbar.spec import DrawSite, UpdateSpec
from ohmflow.runtime.crossbar.trains import CLIPPED, COINCIDENCES, COL_PULSES, LOST, NOT_FINITE, ROW_PULSES
from ohmflow.runtime.crossbar.update_kernel import update_kernel_for, update_pulsed
from ohmflow.runtime.crossbar.update_reference_kernel import reference_kernel_for
from ohmflow.runtime.crossbar.update_schemes import COMPRESSED, SCHEME_NUMBERS, count_all
from ohmflow.runtime.crossbar.wear_kernel import count_pulses
from ohmflow.runtime.crossbar.write_noise import show
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.stepped import write_noise_of
from ohmflow.runtime.devices.upkeep import Maintenance, StatefulDevice, maintain

Matrix = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


class UpdateFigures(NamedTuple):
    """What a kernel needs that calls `update_pulsed` by itself.

    Attributes:
        settings: float64, see `trains`.
        scheme: number of the update scheme, see `update_schemes`.
        write_noise: its standard deviation, device units, float32; 0 for none.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        identity: uint64 seed, array.
    """

    settings: npt.NDArray[np.float64]
    scheme: int
    write_noise: np.float32
    blocks: npt.NDArray[np.int64]
    identity: npt.NDArray[np.uint64]


class Updater:
    """Pulses the devices of an array.

    Args:
        name: the array's name, for messages.
        device: the device model.
        planes: the draws of the devices.
        spec: how updates are made.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        identity: uint64 seed, array.
    """

    def __init__(
        self,
        name: str,
        device: Device,
        planes: object,
        spec: UpdateSpec,
        blocks: npt.NDArray[np.int64],
        identity: npt.NDArray[np.uint64],
    ) -> None:
        self._name = name
        self._device = device
        self._planes = planes
        self._blocks = blocks
        self._identity = identity
        self._pulsed = device.dw_min > 0.0
        self._is_maintained = isinstance(device, StatefulDevice)
        self._write_noise = np.float32(write_noise_of(device))
        self._half_select = spec.half_select_step > 0.0
        choose = reference_kernel_for if spec.kernel == "reference" else update_kernel_for
        self._kernel = (half_select_kernel_for if self._half_select else choose)(planes)
        self._scheme = spec.scheme
        managed = (spec.update_management, spec.train_length_management)
        self._settings = np.array([device.dw_min, spec.train_length, *managed, spec.half_select_step], np.float64)

    @property
    def hides_weights(self) -> bool:
        """Whether pulses act on weights that reads do not see."""
        return bool(self._write_noise > 0)

    def update(
        self,
        w: Matrix,
        hidden: Matrix,
        x: Matrix,
        d: Matrix,
        rate: float,
        at: DrawSite,
        scheme: str | None = None,
        worn: npt.NDArray[np.bool_] | None = None,
    ) -> UpdateCounts:
        """Move the weights by −rate·x⊗d for each pair of vectors, in order.

        Args:
            w: [rows, cols] weights as reads see them, device units; changed.
            hidden: [rows, cols] weights that pulses act on; `w` itself unless `hides_weights`.
            x: [n, rows] inputs.
            d: [n, cols] errors.
            rate: lr/α, ≥ 0.
            at: what the draws are for.
            scheme: how pulses are chosen; None for that of the spec.
            worn: [rows, cols] devices that no upkeep is for; None for none.

        Returns:
            What the updates did.

        Raises:
            SpecError: there is no such scheme, or half-selected devices move and it is not `stochastic-compressed`.
            NotFiniteError: x or d is not finite; the other vectors' updates are applied.
        """
        number = self._number_of(scheme or self._scheme)
        n = x.shape[0]
        lengths = np.zeros(n, np.int32)
        counts = np.zeros((3, self._blocks.shape[0]), np.int64)
        if not self._pulsed:
            w -= np.float32(rate) * (x.T @ d)
            return UpdateCounts(lengths, counts[0], counts[1], counts[2], counts[2], 0, 0, n)
        totals = np.zeros(3, np.int64)
        marks = np.zeros(w.shape, np.uint64) if self.hides_weights else None
        self._kernel(
            hidden,
            self._planes,
            x,
            d,
            rate,
            self._settings,
            self._identity,
            at.numbers(),
            self._blocks,
            lengths,
            counts,
            totals,
            marks,
            number,
        )
        if marks is not None:
            show(hidden, marks, self._write_noise, w)
        refresh = self._maintain(w, hidden, at, worn) if self._is_maintained else None
        if totals[NOT_FINITE]:
            raise NotFiniteError(
                f"{self._name}: x and d of an update must be finite, not so in {totals[NOT_FINITE]} of {n} vectors; "
                "training has diverged: lower the learning rate"
            )
        rows, cols, together = counts[ROW_PULSES], counts[COL_PULSES], counts[COINCIDENCES]
        half_moves = self._half_moves(rows, cols, together)
        clipped, lost = int(totals[CLIPPED]), int(totals[LOST])
        return UpdateCounts(lengths, rows, cols, together, half_moves, clipped, lost, n, refresh)

    def figures(self, scheme: str | None) -> UpdateFigures | None:
        """What a kernel needs that pulses the devices itself, calling `update_pulsed`.

        Args:
            scheme: how pulses are chosen; None for that of the spec.

        Returns:
            The figures; None where that kernel is not what updates these devices, or not all that is done to them.
        """
        if self._kernel is not update_pulsed or self._is_maintained or not self._pulsed:
            return None
        number = self._number_of(scheme or self._scheme)
        return UpdateFigures(self._settings, number, self._write_noise, self._blocks, self._identity)

    def _maintain(
        self, w: Matrix, hidden: Matrix, at: DrawSite, worn: npt.NDArray[np.bool_] | None
    ) -> RefreshCounts | None:
        """Give devices that remember more than their weight what is due."""
        seed, array_id = (int(field) for field in self._identity)
        done = maintain(self._device, self._planes, hidden, seed, array_id, at.numbers())
        if done is not None and worn is not None:
            # The array puts worn devices back to what they were; a chip that knows them would not try either.
            left = done.devices & ~worn
            done = Maintenance(left, np.where(left, done.pulses, 0), done.parts) if left.any() else None
        if done is None:
            return None
        w[done.devices] = hidden[done.devices]
        return self._counted(done)

    def _counted(self, done: Maintenance) -> RefreshCounts:
        count = self._blocks.shape[0]
        touched, resets, pulses = np.zeros((3, count), np.int64)
        reads = np.zeros((count, int(self._blocks[:, 2].max())), np.int64)
        for b, (row0, col0, rows, cols) in enumerate(self._blocks):
            block = np.s_[row0 : row0 + rows, col0 : col0 + cols]
            due = done.devices[block].any(axis=1)
            # One read before the reset, one behind it, and one behind each pulse of the weight that needs most.
            reads[b, :rows] = np.where(due, 2 + done.pulses[block].max(axis=1), 0)
            touched[b] = due.sum()
            resets[b] = done.parts * done.devices[block].sum()
            pulses[b] = done.pulses[block].sum()
        taken = (done.pulses + done.parts * done.devices).astype(np.int32)
        conversions = reads.sum(axis=1) * self._blocks[:, 3]
        return RefreshCounts(touched, reads, conversions, resets, pulses, taken, np.zeros(count))

    def _number_of(self, scheme: str) -> int:
        number = SCHEME_NUMBERS.get(scheme)
        if number is None:
            raise SpecError(
                f"{self._name}: the update scheme must be one of {', '.join(SCHEME_NUMBERS)}, not '{scheme}'; "
                "choose one"
            )
        if self._half_select and number != COMPRESSED:
            raise SpecError(
                f"{self._name}: the update scheme must be stochastic-compressed where half-selected devices move, not "
                f"'{scheme}'; set device.half_select_step to 0 or choose that scheme"
            )
        return number

    def count_pulses(
        self, x: Matrix, d: Matrix, rate: float, at: DrawSite, pulses: npt.NDArray[np.uint32], scheme: str | None = None
    ) -> None:
        """Count the whole pulses that an update brings to every device, without making it.

        Args:
            x: [n, rows] inputs.
            d: [n, cols] errors.
            rate: lr/α, ≥ 0.
            at: what the draws are for.
            pulses: [rows, cols], added to.
            scheme: how pulses are chosen; None for that of the spec.
        """
        number = self._number_of(scheme or self._scheme)
        given = x, d, rate, self._settings, self._identity, at.numbers(), self._blocks
        if number == COMPRESSED:
            count_pulses(*given, pulses)
        else:
            count_all(*given, number, pulses)

    def _half_moves(self, row_pulses: Counts, col_pulses: Counts, coincidences: Counts) -> Counts:
        """Count the pulses of one line alone that the blocks' devices saw, if such pulses move them."""
        if not self._half_select:
            return np.zeros_like(coincidences)
        seen: Counts = row_pulses * self._blocks[:, 3] + col_pulses * self._blocks[:, 2] - 2 * coincidences
        return seen
