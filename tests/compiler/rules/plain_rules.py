"""Update rules once more in plain numpy, written from `docs/update-rules.md`, without ohmflow.

A rule is made with its arrays and applied vector by vector; the arrays are those of `plain_arrays.py`. All of them hold
logical weights, C (or `main`) is the one that the model reads.
"""

from dataclasses import dataclass, field
from math import ceil, tanh

import numpy as np
from numpy.typing import NDArray

from tests.compiler.rules.plain_arrays import ExactArray, PulsedArray

Matrix = NDArray[np.floating]
Array = ExactArray | PulsedArray


@dataclass
class FastRate:
    """Learning rate of a fast array: fixed, or such that the largest pair of lines takes `pulses` pulses on average."""

    step: float
    pulses: float = 5.0
    fixed: float = 0.0
    momentum: float = 0.99
    largest: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def of(self, x: Matrix, d: Matrix) -> float:
        for k, value in enumerate((float(np.abs(x).max()), float(np.abs(d).max()))):
            if self.largest[k] == 0:
                self.largest[k] = value
            elif value > 0:
                self.largest[k] = self.momentum * self.largest[k] + (1 - self.momentum) * value
        if self.fixed:
            return self.fixed
        product = self.largest[0] * self.largest[1]
        return self.pulses * self.step / product if product > 0 else 0.0


class Transferring:
    """What rules with a fast and a slow array share: the update of A, and whose turn it is."""

    def __init__(self, fast: Array, slow: Array, memory: float, every: int = 1, rate: FastRate | None = None) -> None:
        self.fast, self.slow = fast, slow
        self.memory, self.every = memory, every
        self.rate = FastRate(fast.step) if rate is None else rate
        self.lines = fast.w.shape[0]
        self.vectors = 0
        self.signs = np.ones(self.lines)

    def apply(self, x: Matrix, d: Matrix, lr: float) -> None:
        """One vector pair."""
        rate = self.rate.of(x, d)
        self.fast.update(self.signs * x, d, rate)
        self.vectors += 1
        if self.vectors % self.every == 0 and rate > 0:
            reads = self.vectors // self.every - 1
            self.transfer(reads % self.lines, reads // self.lines, self.gain(lr, rate))

    def gain(self, lr: float, rate: float) -> float:
        """What a read of A counts for, so that in the mean every gradient counts once."""
        return lr * self.lines * self.every / (self.memory * rate * self.seen)

    @property
    def seen(self) -> float:
        """What a read sees, on average, of the trace of a steady gradient."""
        return 1.0

    def transfer(self, k: int, sweep: int, gain: float) -> None:
        """Row k's turn."""
        raise NotImplementedError

    def write(self, k: int, steps: Matrix) -> None:
        """Pulse row k of the slow array, so many steps each."""
        if np.any(steps):
            one_hot = np.zeros(self.lines)
            one_hot[k] = 1
            self.slow.update(one_hot, -steps, self.slow.step)


class Shd(Transferring):
    """Stochastic Hamiltonian descent; with this gain, Tiki-Taka v1 with γ = 0."""

    def transfer(self, k: int, sweep: int, gain: float) -> None:
        one_hot = np.zeros(self.lines)
        one_hot[k] = 1
        self.slow.update(one_hot, -self.fast.read_row(k), gain)


class TikiTaka2(Transferring):
    """Tiki-Taka v2: a digital H between A and C."""

    def __init__(
        self,
        fast: Array,
        slow: Array,
        memory: float,
        every: int = 1,
        rate: FastRate | None = None,
        keep: float = 0.1,
        forget: bool = True,
        longest: int = 1,
    ) -> None:
        super().__init__(fast, slow, memory, every, rate)
        self.keep, self.forget, self.longest = keep, forget, longest
        self.hidden = np.zeros(fast.w.shape)

    def collect(self, k: int, seen: Matrix) -> Matrix:
        """Add what was seen to H, in steps of C; take the whole steps out of it."""
        h = self.hidden[k] + seen / self.slow.step
        steps = np.clip(np.trunc(h), -self.longest, self.longest)
        left = self.keep * h if self.forget else h - (1 - self.keep) * steps
        self.hidden[k] = np.where(steps != 0, left, h)
        return steps

    def transfer(self, k: int, sweep: int, gain: float) -> None:
        self.write(k, self.collect(k, gain * self.fast.read_row(k)))


class Chopped(TikiTaka2):
    """c-TTv2: the sign with which a row of A takes gradients changes now and then."""

    flips: Matrix  # [reads] uniform numbers, or none for regular changes
    chop: float = 0.1

    @property
    def seen(self) -> float:
        return 1 / (1 + 2 * self.memory * self.chop / (self.lines * self.every))

    def transfer(self, k: int, sweep: int, gain: float) -> None:
        self.write(k, self.collect(k, gain * self.signs[k] * self.fast.read_row(k)))
        self.flip(k, sweep)

    def flip(self, k: int, sweep: int) -> None:
        if self.switches(k, sweep):
            self.signs[k] = -self.signs[k]

    def switches(self, k: int, sweep: int) -> bool:
        return bool(self.flips[sweep * self.lines + k] < self.chop)


class Agad(Chopped):
    """AGAD: the reference is what A was at the end of the last period of the chopper."""

    tail: float = 5.0

    def __init__(self, *arrays: Array, **given: object) -> None:
        super().__init__(*arrays, **{"keep": 0.0, **given})  # type: ignore[arg-type]
        self.mean = np.zeros(self.hidden.shape)
        self.reference = np.zeros(self.hidden.shape)
        self.switched = np.zeros(self.lines, bool)

    @property
    def seen(self) -> float:
        z = self.period * self.lines * self.every / (2 * self.memory)
        return 1 + tanh(z) - tanh(z) / z

    @property
    def period(self) -> int:
        return max(2, ceil(1 / self.chop))

    def switches(self, k: int, sweep: int) -> bool:
        return sweep % self.period == self.period - 1

    def transfer(self, k: int, sweep: int, gain: float) -> None:
        seen = self.fast.read_row(k)
        if self.switched[k]:
            self.reference[k] = self.mean[k]
        speaks = sweep > self.period
        steps = self.collect(k, speaks * gain * self.signs[k] * (seen - self.reference[k]))
        share = min(self.tail / self.period, 1.0)
        self.mean[k] = (1 - share) * self.mean[k] + share * seen
        self.write(k, steps)
        self.switched[k] = self.switches(k, sweep)
        self.flip(k, sweep)


class MixedPrecision:
    """Gradients are added up digitally; whole steps go to the array, row by row."""

    def __init__(self, main: Array, longest: int = 31) -> None:
        self.main, self.longest = main, longest
        self.hidden = np.zeros(main.w.shape)

    def apply(self, x: Matrix, d: Matrix, lr: float) -> None:
        """A batch: [n, rows] and [n, cols]."""
        self.hidden -= lr * (x.T @ d)
        steps = np.clip(np.trunc(self.hidden / self.main.step), -self.longest, self.longest)
        self.hidden -= steps * self.main.step
        for k in range(len(steps)):
            if np.any(steps[k]):
                one_hot = np.zeros(len(steps))
                one_hot[k] = 1
                self.main.update(one_hot, -steps[k], self.main.step)


class Residual:
    """Several tiles W₀ … with weights γⁿ: the last takes the gradient, each hands its residual to the one before."""

    def __init__(self, tiles: list[Array], gamma: float, beta: float, every: int = 1) -> None:
        self.tiles, self.gamma, self.beta, self.every = tiles, gamma, beta, every
        self.lines = tiles[0].w.shape[0]
        self.vectors = 0

    @property
    def w(self) -> Matrix:
        return sum(self.gamma**n * tile.w for n, tile in enumerate(self.tiles))  # type: ignore[return-value]

    def apply(self, x: Matrix, d: Matrix, lr: float) -> None:
        last = len(self.tiles) - 1
        self.tiles[last].update(x, d, lr / self.gamma**last)
        self.vectors += 1
        for n in reversed(range(last)):
            period = self.every * self.lines ** (last - 1 - n)
            if self.vectors % period == 0:
                k = (self.vectors // period - 1) % self.lines
                one_hot = np.zeros(self.lines)
                one_hot[k] = 1
                self.tiles[n].update(one_hot, -self.tiles[n + 1].read_row(k), self.beta)


def shift_zero(array: PulsedArray, rounds: int) -> None:
    """Zero-shifting: pulses up and down in turn, until the devices rest at their symmetry points; this is zero then."""
    for _ in range(rounds):
        array.pulse_all(True)
        array.pulse_all(False)
    array.shift_reference()
