"""Pulse trains in the order in which they were measured, in lengths that suit the numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trains:
    """Reads of devices, device after device, each in order of time.

    Attributes:
        y: [reads] conductances, (G − centre)/half.
        pulses: [reads] pulses since the read before; −1 at the first read of a train, of which nothing is predicted.
        up: [reads] 1 if those pulses were up, 0 if down.
        known: [reads] variance of a read that repeated reads tell, in the unit of y squared; else 0.
        first: [devices + 1] where a device's reads begin.
        cycle: [reads] number of the cycle, from 0.
        names: of the devices.
        centre: of the range of all reads, siemens.
        half: half of that range, siemens.
        resolution: least difference that the numbers can show, siemens.
        read_error: standard deviation of one read by repeated reads, siemens, with its 95 % interval; or None.
    """

    y: Floats
    pulses: Whole
    up: Whole
    known: Floats
    first: Whole
    cycle: Whole
    names: tuple[str, ...]
    centre: float
    half: float
    resolution: float
    read_error: tuple[float, float, float] | None = None

    @property
    def devices(self) -> int:
        """How many devices."""
        return len(self.names)

    @property
    def device(self) -> Whole:
        """[reads] number of the device."""
        return np.repeat(np.arange(self.devices), np.diff(self.first))

    @property
    def cycles(self) -> int:
        """How many cycles the device with the fewest has."""
        device = self.device
        return min(np.unique(self.cycle[device == d]).size for d in range(self.devices))

    def siemens(self, y: Floats | float) -> Floats:
        """Turn the unit of y into siemens."""
        found: Floats = np.asarray(self.centre + self.half * np.asarray(y))
        return found

    def only(self, keep: npt.NDArray[np.bool_]) -> "Trains":
        """Keep some whole trains.

        Args:
            keep: [reads]; equal over each train. Devices of which nothing is left stay, without reads.
        """
        counts = np.bincount(self.device[keep], minlength=self.devices)
        return Trains(
            self.y[keep],
            self.pulses[keep],
            self.up[keep],
            self.known[keep],
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            self.cycle[keep],
            self.names,
            self.centre,
            self.half,
            self.resolution,
            self.read_error,
        )

    def part(self, devices: Whole) -> "Trains":
        """Keep some devices.

        Args:
            devices: their numbers, rising.
        """
        kept = self.only(np.isin(self.device, devices))
        first = np.concatenate([[0], np.cumsum(np.diff(kept.first)[devices])]).astype(np.int64)
        names = tuple(self.names[d] for d in devices)
        return Trains(
            kept.y,
            kept.pulses,
            kept.up,
            kept.known,
            first,
            kept.cycle,
            names,
            self.centre,
            self.half,
            self.resolution,
            self.read_error,
        )
