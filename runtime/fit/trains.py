"""Pulse trains in the order in which they were measured, in lengths that suit the numbers."""

from dataclasses import dataclass, replace

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
        drive: [reads, 2] logarithm of the width of those pulses, and their amplitude, relative to the usual pulse.
        read_error: standard deviation of one read by repeated reads, siemens, with its 95 % interval; or None.
        usual: width (s) and amplitude (V) of the usual pulse, the most frequent one; not a number where not told.
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
    drive: Floats
    read_error: tuple[float, float, float] | None = None
    usual: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def devices(self) -> int:
        """How many devices."""
        return len(self.names)

    @property
    def device(self) -> Whole:
        """[reads] number of the device."""
        return np.repeat(np.arange(self.devices), np.diff(self.first))

    @property
    def drives(self) -> Whole:
        """How many widths and how many amplitudes pulses have, [2]."""
        pulsed = self.drive[self.pulses > 0]
        return np.array([np.unique(column.round(9)).size for column in pulsed.T])

    @property
    def cycles(self) -> int:
        """How many cycles the device with the fewest has."""
        return min(np.unique(self.cycle[a:b]).size for a, b in zip(self.first, self.first[1:], strict=False))

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
        return replace(
            self,
            y=self.y[keep],
            pulses=self.pulses[keep],
            up=self.up[keep],
            known=self.known[keep],
            first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            cycle=self.cycle[keep],
            drive=self.drive[keep],
        )

    def part(self, devices: Whole) -> "Trains":
        """Keep some devices.

        Args:
            devices: their numbers, rising.
        """
        kept = self.only(np.isin(self.device, devices))
        first = np.concatenate([[0], np.cumsum(np.diff(kept.first)[devices])]).astype(np.int64)
        names = tuple(self.names[d] for d in devices)
        return replace(kept, first=first, names=names)
