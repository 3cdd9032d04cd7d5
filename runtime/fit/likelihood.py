"""The most likely parameters of all devices at once: scoring steps, each device's own and those that all share.

Every device has parameters of its own; a few are shared. The information matrix is an arrow: blocks of the devices, and
a border. A round is one step along it, halved until the likelihood rises, and one damped step of every device alone.
Afterwards the observed information is taken by differences, and shared parameters are corrected for how many own ones
were fitted beside them (the adjusted profile likelihood of Cox and Reid 1987, 10.1111/j.2517-6161.1987.tb01422.x):
without it, spreads come out too small.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import score
from ohmflow.runtime.fit.first_look import look
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_ROUNDS = 60
_ENOUGH, _ROUGHLY, _FAR_BELOW = 1e-3, 0.1, 5.0
"""Gain of a round at which a search ends: the last one, one before others, one of several that are compared."""
_OWN_WIDTH, _BOUND_WIDTH, _LOG_WIDTH = 10.0, 4.0, 10.0
_HOPED = 0.5
"""What a step must promise, in log likelihood, before each device may take its own length of it."""
_ALONE = 4
"""Rounds in which devices also move alone."""
_OFFSETS = (-0.15, -0.08, -0.04, -0.02, 0.0, 0.03, 0.1, 0.3)
"""Bounds that are tried, relative to the first ones, in ranges of the device."""
_AWAY, _EXPLAINS = 30.0, 4.0
"""Where a bound is no bound, and by how much it must raise the log likelihood to be one."""
_STEP = 0.02
"""Of difference quotients, in standard errors."""
_SEARCHED = 32
"""Devices on which the search begins; the others start from what these say of the shared parameters."""
_WEIGHED, _MOST_WEIGHED = 64, 12
"""Devices, and parameters of a filter, up to which second differences are taken; beyond, squared scores serve."""
_ODD = 12.0
"""How far second differences may be from squared scores before they are taken for a corner of the likelihood."""


@dataclass(frozen=True)
class Likely:
    """The most likely parameters.

    Attributes:
        model: whose.
        trains: of what.
        zero: where w = 0, in the unit of `Trains.y`, as far as the law needs it.
        theta: [devices, parameters].
        value: [devices] log likelihoods.
        own_variance: [devices, own, own] errors of a device's own parameters, given the shared.
        cross: [devices, own, shared] how own parameters follow the shared ones.
        shared_variance: [shared, shared] errors of the shared parameters, log c and log ρ among them.
        converged: whether the search ended by itself.
    """

    model: FitModel
    trains: Trains
    zero: float
    theta: Floats
    value: Floats
    own_variance: Floats
    cross: Floats
    shared_variance: Floats
    converged: bool

    @property
    def shared(self) -> Floats:
        """Shared parameters, log c and log ρ last."""
        found: Floats = self.theta[0, self.model.own_count :]
        return found


class _Search:
    """One search; the weak prior is part of what is maximised."""

    def __init__(self, model: FitModel, trains: Trains, zero: float, start: Floats) -> None:
        self.model, self.trains, self.zero = model, trains, zero
        self.p = model.own_count
        own = [_OWN_WIDTH] * len(model.own) + [_BOUND_WIDTH] * 2
        self.weight = np.array([*own, *shared_widths(model, trains), _LOG_WIDTH, _LOG_WIDTH]) ** -2.0
        # A device's share of the prior of what all share.
        self.weight[self.p :] /= trains.devices
        self.at = start.copy()
        self.floor = np.log(max(trains.resolution / trains.half / 12**0.5, 1e-7))

    def inside(self, theta: Floats) -> Floats:
        """Keep parameters where the law makes sense."""
        p = self.p
        theta = theta.copy()
        theta[:, p - 2] = np.maximum(theta[:, p - 2], theta[:, p - 1] + 1e-3)
        for k, (least, most) in enumerate(self.model.limits):
            theta[:, p + k] = np.clip(theta[:, p + k], least, most)
        theta[:, -2] = np.clip(theta[:, -2], -7.0, 4.0)
        theta[:, -1] = np.clip(theta[:, -1], self.floor, 1.0)
        return theta

    def call(self, theta: Floats, h: Floats, who: Whole | None = None) -> tuple[Floats, Floats, Floats]:
        """Log likelihoods with the prior, gradients and sums of squared scores, of all devices or of some."""
        t, m = self.trains, self.model
        everyone = slice(None) if who is None else who
        begin, end = t.first[:-1][everyone], t.first[1:][everyone]
        value, gradient, outer = score(
            m.law,
            m.upper,
            self.zero,
            t.y,
            t.pulses,
            t.up,
            t.known,
            t.drive,
            begin,
            end,
            np.ascontiguousarray(theta),
            np.ascontiguousarray(h),
        )
        off = theta - self.at[everyone]
        value = value - 0.5 * (self.weight * off * off).sum(axis=1)
        value = np.where(np.isfinite(value), value, -1e300)
        if h.shape[1]:
            gradient = gradient - self.weight * off
            outer = outer + np.diag(self.weight)
        return value, gradient, outer

    def value(self, theta: Floats, who: Whole | None = None) -> Floats:
        return self.call(theta, np.zeros((len(theta), 0)), who)[0]

    def steps(self, information: Floats) -> Floats:
        sizes = np.sqrt(np.maximum(np.einsum("dii->di", information), 1e-30))
        h: Floats = np.clip(_STEP / sizes, 1e-7, 1e-2)
        return h

    def run(
        self, start: Floats, enough: float, quiet_rounds: int, afar: bool = True
    ) -> tuple[Floats, Floats, Floats, bool]:
        """Return parameters, values, information, and whether it ended by itself; from afar, bounds are tried first."""
        theta = self.inside(start)
        h = np.full_like(theta, 1e-5)
        value = self.value(theta)
        if afar:
            theta, value = self.scan(theta, value)
        damping = np.full(len(theta), 1e-2)
        information = np.zeros((*theta.shape, theta.shape[1]))
        quiet = at = 0
        moving = np.arange(len(theta))
        for _ in range(_ROUNDS):
            _, gradient, information = self.call(theta, h)
            h = self.steps(information)
            before = value.sum()
            theta, value = self._together(theta, value, gradient, information)
            # Alone, devices find their way from afar; near the end the step along the arrow is the better one.
            for _ in range(2 if at < _ALONE else 0):
                if moving.size:
                    moving = moving[self._alone(theta, value, damping, h, moving) > 0.1 * enough]
            at += 1
            quiet = quiet + 1 if value.sum() - before < enough * max(1.0, len(theta) ** 0.5) else 0
            if quiet == quiet_rounds:
                scanned, best = self.scan(theta, value)
                if best.sum() - value.sum() < 1.0:
                    return theta, value, information, True
                theta, value, quiet, at = scanned, best, 0, 0
                moving = np.arange(len(theta))
        return theta, value, information, False

    def _alone(self, theta: Floats, value: Floats, damping: Floats, h: Floats, who: Whole) -> Floats:
        """One damped step of some devices' own parameters, in place; return what each can still gain, or won."""
        p = self.p
        _, gradient, information = self.call(theta[who], h[who], who)
        lift = damping[who, None] * np.einsum("dii->di", information)[:, :p]
        own = information[:, :p, :p] + np.einsum("di,ij->dij", lift, np.eye(p))
        step = np.linalg.solve(own, gradient[:, :p, None])[..., 0]
        trial = theta[who]
        trial[:, :p] += step
        trial = self.inside(trial)
        new = self.value(trial, who)
        won = new - value[who]
        better = won > 0.0
        theta[who[better]], value[who[better]] = trial[better], new[better]
        damping[who] = np.clip(np.where(better, damping[who] / 8.0, damping[who] * 8.0), 1e-6, 1e6)
        hoped = 0.5 * (step * gradient[:, :p]).sum(axis=1)
        gain: Floats = np.maximum(won, np.where(better, 0.0, hoped))
        return gain

    def scan(self, theta: Floats, value: Floats) -> tuple[Floats, Floats]:
        """Try other bounds for each device: likelihoods have a summit where a bound explains a few odd reads.

        A curve fits a wrong bound: bounds are tried with each device's own curve, and with what is usual.
        """
        span = self.at[:, [self.p - 2]] - self.at[:, [self.p - 1]]
        curve = slice(2, self.p - 2)
        usual = np.median(theta[:, curve], axis=0)
        ways = [False, True] if usual.size and len(theta) > 2 else [False]
        for k, sign, as_usual in [(k, s, u) for k, s in ((self.p - 2, 1.0), (self.p - 1, -1.0)) for u in ways]:
            for offset in _OFFSETS:
                trial = theta.copy()
                trial[:, k] = self.at[:, k] + sign * offset * span[:, 0]
                if as_usual:
                    trial[:, curve] = usual
                trial = self.inside(trial)
                new = self.value(trial)
                better = new > value
                theta, value = np.where(better[:, None], trial, theta), np.where(better, new, value)
        return theta, value

    def _together(self, theta: Floats, value: Floats, gradient: Floats, information: Floats) -> tuple[Floats, Floats]:
        p = self.p
        a, b, c = information[:, :p, :p], information[:, :p, p:], information[:, p:, p:]
        lift = 1e-6 * np.einsum("dii->di", a)
        a = a + np.einsum("di,ij->dij", lift, np.eye(p))
        ab = np.linalg.solve(a, b)
        ag = np.linalg.solve(a, gradient[:, :p, None])[..., 0]
        border = (c - np.einsum("dij,dik->djk", b, ab)).sum(axis=0)
        right = (gradient[:, p:] - np.einsum("dij,di->dj", b, ag)).sum(axis=0)
        border = border + 1e-8 * np.diag(np.diag(border) + 1e-12)
        shared = np.clip(np.linalg.solve(border, right), -1.0, 1.0)
        own = ag - np.einsum("dij,j->di", ab, shared)
        hoped = 0.5 * (float(right @ shared) + float((gradient[:, :p] * ag).sum()))
        for shorter in (1.0, 0.3, 0.1, 0.03, 0.01):
            trial = theta.copy()
            trial[:, :p] += shorter * own
            trial[:, p:] += shorter * shared
            trial = self.inside(trial)
            new = self.value(trial)
            if new.sum() > value.sum():
                return trial, new
            if hoped < _HOPED:
                continue
            # At a corner of one device's likelihood no length is right for all: each takes its own.
            for alone in (0.1 * shorter, 0.0):
                other = theta.copy()
                other[:, :p] += alone * ag - shorter * np.einsum("dij,j->di", ab, shared)
                other[:, p:] += shorter * shared
                other = self.inside(other)
                found = self.value(other)
                better = found > new
                trial, new = np.where(better[:, None], other, trial), np.where(better, found, new)
            if new.sum() > value.sum():
                return trial, new
        return theta, value

    def observed(self, theta: Floats, information: Floats) -> Floats:
        """Observed information of every device, by second differences, [devices, parameters, parameters]."""
        n = theta.shape[1]
        h = np.clip(0.2 / np.sqrt(np.maximum(np.einsum("dii->di", information), 1e-30)), 1e-6, 0.2)
        centre = self.value(theta)
        ends = np.empty((2, n, len(theta)))
        for k in range(n):
            for s, sign in enumerate((1.0, -1.0)):
                moved = theta.copy()
                moved[:, k] += sign * h[:, k]
                ends[s, k] = self.value(moved)
        found = np.empty((len(theta), n, n))
        for i in range(n):
            found[:, i, i] = (2.0 * centre - ends[0, i] - ends[1, i]) / h[:, i] ** 2
            for j in range(i):
                both = np.zeros(len(theta))
                for sign in (1.0, -1.0):
                    moved = theta.copy()
                    moved[:, i] += sign * h[:, i]
                    moved[:, j] += sign * h[:, j]
                    both += self.value(moved)
                mixed = both - ends[0, i] - ends[1, i] - ends[0, j] - ends[1, j] + 2.0 * centre
                found[:, i, j] = found[:, j, i] = -mixed / (2.0 * h[:, i] * h[:, j])
        # Where the surface is not a bowl, or has a corner, the sum of squared scores is one by construction.
        root = np.linalg.inv(np.linalg.cholesky(information))
        relative = np.linalg.eigvalsh(root @ found @ root.swapaxes(1, 2))
        odd = (relative[:, 0] <= 1.0 / _ODD) | (relative[:, -1] > _ODD)
        found[odd] = information[odd]
        return found


def start_of(model: FitModel, trains: Trains) -> Floats:
    """Parameters at which a search begins, [devices, parameters]."""
    seen = look(trains)
    own, shared = model.start(seen)
    margin = 0.02 * (seen.high - seen.low)
    rest = np.tile(np.array([*shared, seen.step_noise, seen.read_noise]), (trains.devices, 1))
    return np.concatenate([own, (seen.high + margin)[:, None], (seen.low - margin)[:, None], rest], axis=1)


def maximise(model: FitModel, trains: Trains, zero: float, start: Floats | None = None) -> Likely:
    """Find the most likely parameters, and how well the trains tell them.

    Args:
        model: whose.
        trains: both directions on every device.
        zero: where w = 0, in the unit of `Trains.y`.
        start: [devices, parameters] where to begin; None for a first look.
    """
    begin = begin_at(model, trains, zero) if start is None else start
    way = _Search(model, trains, zero, begin)
    theta, value, information, converged = way.run(begin, _ENOUGH, 2, afar=trains.devices <= _SEARCHED)
    few = trains.devices <= _WEIGHED and model.count <= _MOST_WEIGHED
    seen = way.observed(theta, information) if few else information
    own_variance, cross, shared_variance = _errors(seen, model.own_count)
    if trains.devices > _WEIGHED:
        shared_variance = _by_devices(way.call(theta, way.steps(information))[1], cross, shared_variance)
    for k, far in ((model.upper, _AWAY), (model.upper + 1, -_AWAY)) if model.hard_bounded else ():
        moved = theta.copy()
        moved[:, k] = far
        # A few odd reads make a summit of their own, narrow and low: a bound must explain more than those.
        own_variance[value - way.value(moved) < _EXPLAINS - _prior(way, k, far), k, k] = _AWAY**2
    corrected = theta.copy()
    corrected[:, model.own_count :] += shared_variance @ _adjustment(way, theta, information)
    corrected = way.inside(corrected)
    return Likely(model, trains, zero, corrected, value, own_variance, cross, shared_variance, converged)


def _prior(way: _Search, k: int, far: float) -> Floats:
    """What the weak prior takes from a bound that is far away, [devices]."""
    taken: Floats = -0.5 * way.weight[k] * (far - way.at[:, k]) ** 2
    return taken


def shared_widths(model: FitModel, trains: Trains) -> tuple[float, ...]:
    """Standard deviations of the prior of what all share, without log c and log ρ."""
    return model.widths if model.narrowed is None else model.narrowed(trains)


def begin_at(model: FitModel, trains: Trains, zero: float) -> Floats:
    """Where to begin, [devices, parameters]; of many devices, some say first what all share."""
    begin = start_of(model, trains)
    if trains.devices <= _SEARCHED:
        return begin
    some = np.unique(np.linspace(0, trains.devices - 1, _SEARCHED).astype(np.int64))
    begin[:, model.own_count :] = search(model, trains.part(some), zero)[0, model.own_count :]
    return begin


def search(model: FitModel, trains: Trains, zero: float) -> Floats:
    """Find about the most likely parameters, [devices, parameters], to begin another search at."""
    begin = begin_at(model, trains, zero)
    if trains.devices > _SEARCHED:
        return _Search(model, trains, zero, begin).run(begin, _ROUGHLY, 1, afar=False)[0]
    best, most = begin, -np.inf
    for shared in (None, *model.elsewhere):
        if shared is not None:
            begin = begin.copy()
            begin[:, model.own_count : -2] = shared
        enough = _FAR_BELOW if model.elsewhere else _ROUGHLY
        theta, value, _, _ = _Search(model, trains, zero, begin).run(begin, enough, 1)
        if value.sum() > most:
            best, most = theta, float(value.sum())
    return best


def _errors(information: Floats, p: int) -> tuple[Floats, Floats, Floats]:
    a, b, c = information[:, :p, :p], information[:, :p, p:], information[:, p:, p:]
    own: Floats = np.asarray(np.linalg.pinv(a, hermitian=True), np.float64)
    cross: Floats = -np.einsum("dij,djk->dik", own, b)
    border = (c + np.einsum("dij,dik->djk", b, cross)).sum(axis=0)
    both: Floats = np.asarray(np.linalg.pinv(border, hermitian=True), np.float64)
    return own, cross, both


def _by_devices(gradient: Floats, cross: Floats, shared_variance: Floats) -> Floats:
    """Errors of the shared parameters by how devices differ in what they ask for: right though the law is not quite."""
    p, devices = cross.shape[1], len(gradient)
    asked = gradient[:, p:] + np.einsum("dis,di->ds", cross, gradient[:, :p])
    found: Floats = shared_variance @ (asked.T @ asked) @ shared_variance * (devices / (devices - 1.0))
    # Never below what the reads of one device after the other tell.
    larger = np.sqrt(np.maximum(np.diag(found), np.diag(shared_variance)) / np.maximum(np.diag(found), 1e-300))
    widened: Floats = found * np.outer(larger, larger)
    return widened


def _adjustment(search: _Search, theta: Floats, information: Floats) -> Floats:
    """Slope of −½ Σ log det(information of own parameters) along the shared ones."""
    p, n = search.p, theta.shape[1]
    h = search.steps(information)
    found = np.zeros(n - p)
    # The spreads alone: others are not at right angles to the devices' own parameters, as the correction asks.
    for k in range(n - 2, n):
        size = 0.02
        logs = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[:, k] += sign * size
            own = search.call(moved, h)[2][:, :p, :p]
            logs.append(np.linalg.slogdet(own)[1].sum())
        found[k - p] = -0.5 * (logs[0] - logs[1]) / (2.0 * size)
    return found
