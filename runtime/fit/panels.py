"""Three panels: response of measured devices and of the model, step against state, misses of the model."""

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from ohmflow.runtime.device_view.axes import axes, band, bars, frame, line, mark_y
from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.fit.conclude import Concluded
from ohmflow.runtime.fit.device_parameters import device_parameters
from ohmflow.runtime.fit.filter_kernel import innovations, mean_step
from ohmflow.runtime.fit.study import Study
from ohmflow.runtime.fit.synthesis import weights_along

Floats = npt.NDArray[np.float64]
Place = tuple[float, float, float, float]
Key = tuple[tuple[str, str], ...]

_SINGLE, _MODEL_DEVICES, _MOST_PULSES = 8, 200, 4000
_BINS, _FEWEST_IN_A_BIN = 24, 8


def _nano(g: Floats) -> Floats:
    return np.asarray(1e9 * g)


def response(study: Study, place: Place) -> tuple[list[Markup], Key]:
    """Conductance over the longest train of a cycle that the devices share: measured ones, and the model's own.

    The model's is 200 devices of the fitted parameters on the machine's arrays, from their lower bounds or, if the
    trains begin elsewhere, after as many cycles as bring them round.
    """
    trains, fitted = study.trains, study.best.fitted
    signs, reads = _longest(study)
    model = _model_response(fitted, signs)
    low, high = (_nano(q) for q in np.quantile(model, (0.025, 0.975), axis=1))
    shown = [_nano(trains.siemens(trains.y[a:b])) for a, b, _ in reads]
    ends = (min(low.min(), *(s.min() for s in shown)), max(high.max(), *(s.max() for s in shown)))
    on = axes(place, (0.0, float(signs.size)), (float(ends[0]), float(ends[1])))
    x = np.arange(signs.size + 1.0)
    parts = [*frame(on, "pulses: one cycle", "conductance, nS")]
    for estimate, words, along in ((fitted.g_min, "g_min", 0.5), (fitted.g_max, "g_max", 0.02)):
        parts += mark_y(on, words, 1e9 * estimate.value, along, "start")
    parts.append(band(on, x, low, high, "s0"))
    for (_, _, at), g in list(zip(reads, shown, strict=True))[:_SINGLE]:
        parts += line(on, at.astype(float), g, "thin s1")
    total, count = np.zeros(x.size), np.zeros(x.size)
    for (_, _, at), g in zip(reads, shown, strict=True):
        total[at] += g
        count[at] += 1
    full = count >= max(1.0, 0.8 * len(reads))
    parts += line(on, x[full], total[full] / count[full], "s1")
    parts += line(on, x, _nano(model.mean(axis=1)), "s0")
    return parts, (("s1", "measured: mean, 8 devices"), ("s0", "model: mean, 95 % of devices"))


def _longest(study: Study) -> tuple[npt.NDArray[np.int64], list[tuple[int, int, npt.NDArray[np.int64]]]]:
    """Directions of the pulses of the longest train, and of each device's last train of those directions its reads."""
    trains = study.trains
    begins = np.flatnonzero(trains.pulses < 0)
    ends = np.append(begins[1:], trains.y.size)
    lengths = np.array([trains.pulses[a + 1 : b].sum() for a, b in zip(begins, ends, strict=True)])
    k = int(np.argmax(lengths))
    a, b = int(begins[k]), int(ends[k])
    signs = np.repeat(np.where(trains.up[a + 1 : b] == 1, 1, -1), trains.pulses[a + 1 : b])[:_MOST_PULSES]
    device = trains.device
    found: dict[int, tuple[int, int, npt.NDArray[np.int64]]] = {}
    for first, end in zip(begins.tolist(), ends.tolist(), strict=True):
        at = np.concatenate([[0], np.cumsum(trains.pulses[first + 1 : end])])
        end = first + int(np.searchsorted(at, signs.size, "right"))
        at = at[: end - first]
        ways = np.where(trains.up[first + 1 : end] == 1, 1, -1)
        if end - first > signs.size / 2 and np.array_equal(ways, signs[at[1:] - 1]):
            found[int(device[first])] = (first, end, at)
    return signs, list(found.values())


def _model_response(fitted: Concluded, signs: npt.NDArray[np.int64]) -> Floats:
    """[pulses + 1, devices] siemens of simulated devices under the pulses of a cycle, the second one."""
    kind = device_class(fitted.likely.model.device)
    device = kind(kind.Parameters(**device_parameters(fitted)))
    w = weights_along(device, _MODEL_DEVICES, np.tile(signs, 2), 0)[signs.size :]
    found: Floats = fitted.likely.trains.siemens(fitted.scale.zero + fitted.scale.unit * w)
    return found


def steps(study: Study, place: Place) -> tuple[list[Markup], Key]:
    """Mean size of a step against conductance: means of measured differences, and the model's law on each device."""
    trains, fitted = study.trains, study.best.fitted
    likely = fitted.likely
    after = np.flatnonzero((trains.pulses == 1) & (trains.drive[:, 0] == 0.0) & (trains.drive[:, 1] == 1.0))
    y = trains.y[after - 1]
    moved = 1e9 * trains.half * (trains.y[after] - y)
    edges = np.linspace(-1.0, 1.0, _BINS + 1)
    centre = (edges[1:] + edges[:-1]) / 2.0
    which = np.clip(np.searchsorted(edges, y, "right") - 1, 0, _BINS - 1)
    drawn = []
    for way in (1, 0):
        take = trains.up[after] == way
        size = moved[take] * (1.0 if way else -1.0)
        n = np.bincount(which[take], minlength=_BINS)
        mean = np.bincount(which[take], size, _BINS) / np.maximum(n, 1)
        square = np.bincount(which[take], size**2, _BINS) / np.maximum(n, 1)
        error = 1.96 * np.sqrt(np.maximum(square - mean**2, 0.0) / np.maximum(n, 1))
        drawn.append((way, np.where(n >= _FEWEST_IN_A_BIN, mean, np.nan), error, _law(fitted, way, centre)))
    known = np.concatenate([np.concatenate([m + e, m - e, law]) for _, m, e, law in drawn])
    known = known[np.isfinite(known)]
    g = _nano(likely.trains.siemens(edges))
    on = axes(place, (float(g[0]), float(g[-1])), (min(0.0, float(known.min())), float(known.max())))
    parts = [*frame(on, "conductance before the pulse, nS", "mean size of a step, nS")]
    x = _nano(likely.trains.siemens(centre))
    for way, mean, error, law in drawn:
        style = "s0" if way else "s1"
        parts += line(on, x, law, style)
        for a, m, e in zip(x.tolist(), mean.tolist(), error.tolist(), strict=True):
            if m == m:
                parts += line(on, np.array([a, a]), np.array([m - e, m + e]), f"thin {style}")
                parts.append(_dot(on.x(a), on.y(m), style))
    return parts, (("s0", "up"), ("s1", "down; dots measured ± 95 %, lines model"))


def _dot(x: float, y: float, style: str) -> Markup:
    from ohmflow.runtime.report.svg import element

    return element("circle", cx=x, cy=y, r=2.5, class_=style)


def _law(fitted: Concluded, way: int, y: Floats) -> Floats:
    """Mean size of the model's step, nS, over the devices whose bounds hold y."""
    likely = fitted.likely
    m = likely.model
    total, count = np.zeros(y.size), np.zeros(y.size)
    for theta in likely.theta:
        inside = (y < theta[m.upper]) & (y > theta[m.upper + 1])
        for k in np.flatnonzero(inside):
            total[k] += abs(mean_step(m.law, theta, m.upper, way, likely.zero, y[k]))
            count[k] += 1
    enough = count >= max(1.0, 0.25 * len(likely.theta))
    return np.where(enough, 1e9 * likely.trains.half * total / np.maximum(count, 1.0), np.nan)


def misses(study: Study, place: Place) -> tuple[list[Markup], Key]:
    """Histogram of reads about what the model foretells, in its own standard deviations; a normal curve beside it."""
    z = standardised(study.best.fitted)
    edges = np.linspace(-5.0, 5.0, 51)
    share = np.histogram(np.clip(z, -4.99, 4.99), edges)[0] / (z.size * (edges[1] - edges[0]))
    x = np.linspace(-5.0, 5.0, 201)
    curve = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
    on = axes(place, (-5.0, 5.0), (0.0, max(float(share.max()), float(curve.max()))))
    parts = [*frame(on, "read less forecast / its standard deviation", "density")]
    parts += bars(on, edges, share.tolist(), "s2")
    parts += line(on, x, curve, "s3")
    return parts, (("s2", f"{z.size} reads, spread {z.std():.2f}"), ("s3", "normal"))


def standardised(fitted: Concluded) -> Floats:
    """Standardised misses of the reads that the model foretells."""
    likely = fitted.likely
    t, m = likely.trains, likely.model
    z: Floats = innovations(m.law, m.upper, likely.zero, t.y, t.pulses, t.up, t.known, t.drive, t.first, likely.theta)
    return z[np.isfinite(z)]


PANELS = (
    ("Response to a cycle", response),
    ("Step against state", steps),
    ("What the model misses", misses),
)
"""Titles and panels, in the order in which they stand."""
