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

from ohmflow.runtime.fit.filter_kernel import CONSTANT, EXPONENTIAL, LINEAR, LINEAR_ADDITIVE, score
from ohmflow.runtime.fit.first_look import look
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]

HARD_BOUNDED = (CONSTANT, LINEAR, LINEAR_ADDITIVE)
"""Laws in which a bound does nothing until it is reached."""
_ROUNDS = 60
_ENOUGH, _ROUGHLY = 1e-3, 0.1
_OWN_WIDTH, _BOUND_WIDTH, _LOG_WIDTH = 10.0, 4.0, 10.0
_ALONE = 4
"""Rounds in which devices also move alone."""
_OFFSETS = (-0.15, -0.08, -0.04, -0.02, 0.0, 0.03, 0.1, 0.3)
"""Bounds that are tried, relative to the first ones, in ranges of the device."""
_AWAY, _EXPLAINS = 30.0, 4.0
"""Where a bound is no bound, and by how much it must raise the log likelihood to be one."""
_STEP = 0.02
"""Of difference quotients, in standard errors."""


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
        self.weight = np.array([*own, *model.widths, _LOG_WIDTH, _LOG_WIDTH]) ** -2.0
        # A device's share of the prior of what all share.
        self.weight[self.p :] /= trains.devices
        self.at = start.copy()
        self.floor = np.log(max(trains.resolution / trains.half / 12**0.5, 1e-7))

    def inside(self, theta: Floats) -> Floats:
        """Keep parameters where the law makes sense."""
        p = self.p
        theta = theta.copy()
        theta[:, p - 2] = np.maximum(theta[:, p - 2], theta[:, p - 1] + 1e-3)
        if self.model.law == EXPONENTIAL:
            # Towards 1, A and a γ near 0 are a straight line, and neither means anything.
            theta[:, p : p + 2] = np.clip(theta[:, p : p + 2], -5.0, 0.9)
        theta[:, -2] = np.clip(theta[:, -2], -7.0, 4.0)
        theta[:, -1] = np.clip(theta[:, -1], self.floor, 1.0)
        return theta

    def call(self, theta: Floats, h: Floats) -> tuple[Floats, Floats, Floats]:
        t, m = self.trains, self.model
        value, gradient, outer = score(
            m.law, m.upper, self.zero, t.y, t.pulses, t.up, t.known, t.first, np.ascontiguousarray(theta), h
        )
        off = theta - self.at
        value = value - 0.5 * (self.weight * off * off).sum(axis=1)
        value = np.where(np.isfinite(value), value, -1e300)
        if h.shape[1]:
            gradient = gradient - self.weight * off
            outer = outer + np.diag(self.weight)
        return value, gradient, outer

    def value(self, theta: Floats) -> Floats:
        return self.call(theta, np.zeros((len(theta), 0)))[0]

    def steps(self, information: Floats) -> Floats:
        sizes = np.sqrt(np.maximum(np.einsum("dii->di", information), 1e-30))
        h: Floats = np.clip(_STEP / sizes, 1e-7, 1e-2)
        return h

    def run(self, start: Floats, enough: float, quiet_rounds: int) -> tuple[Floats, Floats, Floats, bool]:
        """Return parameters, values, information, and whether it ended by itself."""
        p, theta = self.p, self.inside(start)
        h = np.full_like(theta, 1e-5)
        theta, value = self.scan(theta, self.value(theta))
        damping = np.full(len(theta), 1e-2)
        information = np.zeros((*theta.shape, theta.shape[1]))
        quiet = at = 0
        for _ in range(_ROUNDS):
            _, gradient, information = self.call(theta, h)
            h = self.steps(information)
            before = value.sum()
            theta, value = self._together(theta, value, gradient, information)
            # Alone, devices find their way from afar; near the end the step along the arrow is the better one.
            for _ in range(2 if at < _ALONE else 0):
                _, gradient, information = self.call(theta, h)
                lift = damping[:, None] * np.einsum("dii->di", information)[:, :p]
                own = information[:, :p, :p] + np.einsum("di,ij->dij", lift, np.eye(p))
                trial = theta.copy()
                trial[:, :p] += np.linalg.solve(own, gradient[:, :p, None])[..., 0]
                trial = self.inside(trial)
                new = self.value(trial)
                better = new > value
                theta, value = np.where(better[:, None], trial, theta), np.where(better, new, value)
                damping = np.clip(np.where(better, damping / 8.0, damping * 8.0), 1e-6, 1e6)
            at += 1
            quiet = quiet + 1 if value.sum() - before < enough * max(1.0, len(theta) ** 0.5) else 0
            if quiet == quiet_rounds:
                scanned, best = self.scan(theta, value)
                if best.sum() - value.sum() < 1.0:
                    return theta, value, information, True
                theta, value, quiet, at = scanned, best, 0, 0
        return theta, value, information, False

    def scan(self, theta: Floats, value: Floats) -> tuple[Floats, Floats]:
        """Try other bounds for each device: likelihoods have a summit where a bound explains a few odd reads."""
        span = self.at[:, [self.p - 2]] - self.at[:, [self.p - 1]]
        for k, sign in ((self.p - 2, 1.0), (self.p - 1, -1.0)):
            for offset in _OFFSETS:
                trial = theta.copy()
                trial[:, k] = self.at[:, k] + sign * offset * span[:, 0]
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
        for shorter in (1.0, 0.3, 0.1, 0.03, 0.01):
            trial = theta.copy()
            trial[:, :p] += shorter * own
            trial[:, p:] += shorter * shared
            trial = self.inside(trial)
            new = self.value(trial)
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
        # Where the surface is not a bowl, the sum of squared scores is: it is one by construction.
        flat = np.linalg.eigvalsh(found)[:, 0] <= 0.0
        found[flat] = information[flat]
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
    begin = start_of(model, trains) if start is None else start
    way = _Search(model, trains, zero, begin)
    theta, value, information, converged = way.run(begin, _ENOUGH, 2)
    seen = way.observed(theta, information)
    own_variance, cross, shared_variance = _errors(seen, model.own_count)
    for k, far in ((model.upper, _AWAY), (model.upper + 1, -_AWAY)) if model.law in HARD_BOUNDED else ():
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


def search(model: FitModel, trains: Trains, zero: float) -> Floats:
    """Find about the most likely parameters, [devices, parameters], to begin another search at."""
    begin = start_of(model, trains)
    best, most = begin, -np.inf
    for shared in (None, *model.elsewhere):
        if shared is not None:
            begin = begin.copy()
            begin[:, model.own_count : -2] = shared
        theta, value, _, _ = _Search(model, trains, zero, begin).run(begin, _ROUGHLY, 1)
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
