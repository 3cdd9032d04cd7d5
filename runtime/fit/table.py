"""Read a table of pulse trains: device, cycle, pulse, direction, conductance.

Columns are found by name, whatever their order, case and spaces; the conductance column may end in its unit
(`conductance_uS`, `G [nS]`). Rows may stand in any order, and some may be missing.
"""

import csv
import re
import warnings
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.arrange import arrange, tell_apart
from ohmflow.runtime.fit.errors import FitInfeasibleError, FitInputError
from ohmflow.runtime.fit.trains import Trains, Whole
from ohmflow.targets.errors import QuantityError
from ohmflow.targets.units import parse_unit

_NAMES = {
    "device": ("device", "dev", "cell", "device_id", "sample"),
    "cycle": ("cycle", "cyc", "cycle_number", "loop"),
    "pulse": ("pulse", "pulse_number", "pulse_index", "n", "pulse_no"),
    "direction": ("direction", "dir", "polarity", "sign"),
    "conductance": ("conductance", "g", "cond"),
    "repeat": ("repeat", "repetition", "read_number"),
    "width": ("width", "pulse_width", "duration"),
    "amplitude": ("amplitude", "voltage", "pulse_amplitude"),
}
_OPTIONAL = {"cycle", "repeat", "device", "width", "amplitude"}
_UNITS = {"conductance": "S", "width": "s", "amplitude": "V"}
"""Columns whose names may end in a unit, and one that it must be like."""
_UP, _DOWN = (
    ("up", "+1", "1", "+", "set", "potentiation", "ltp", "pot"),
    ("down", "-1", "−1", "-", "reset", "ltd", "dep", "depression"),
)
_FEWEST = 10
"""Pulses of a device in each direction, below which nothing is fitted."""

_OTHER_KIND = "{file}: must be a table of text in UTF-8, not another kind of file; check it"

Words = npt.NDArray[np.str_]


def read_trains(file: Path, unit: str | None = None) -> Trains:
    """Read a measurement.

    Args:
        file: a table with commas, semicolons or tabs between, in UTF-8, with a byte order mark or without.
        unit: of the conductances; None if the name of the column says it.

    Returns:
        Its trains.

    Raises:
        FitInputError: the file can not be read, or is not such a table.
        FitInfeasibleError: it is one, but of too little.
    """
    names, between = _head(file)
    places, said = _places(file, names)
    scale = _scale(file, unit, said.get("conductance"))
    drive_scale = {kind: _drive_scale(file, kind, said[kind]) for kind in ("width", "amplitude") if kind in places}
    quick = _numbers_only(file, names, between, places)
    if quick is not None:
        drive = [quick.drive[kind] * drive_scale[kind] if kind in places else None for kind in ("width", "amplitude")]
        trains = arrange(*quick.place, quick.conductance * scale, _resolution(quick.text) * scale, *drive)
        _refuse_too_little(file, trains)
        return trains
    rows, lines = _rows(file, between)
    columns = dict(zip(names, _columns(file, names, rows, lines), strict=True))

    def column(what: str) -> Words | None:
        return columns[places[what]] if what in places else None

    size = len(rows)
    g_text = columns[places["conductance"]]
    g = _floats(file, places["conductance"], g_text, lines) * scale
    pulse = _whole(file, places["pulse"], columns[places["pulse"]], lines)
    if (pulse < 0).any():
        at = int(np.flatnonzero(pulse < 0)[0])
        raise FitInputError(
            f"{file}:{lines[at]}: '{places['pulse']}' must be at least 0, not {pulse[at]}; count from 1"
        )
    up = _up(file, places["direction"], columns[places["direction"]], lines)
    device_text, cycle_text = column("device"), column("cycle")
    device, devices = tell_apart(device_text) if device_text is not None else (np.zeros(size, np.int64), ("1",))
    cycle = _cycle(cycle_text) if cycle_text is not None else np.zeros(size, np.int64)
    if "repeat" not in places:
        _refuse_doubles(file, device, cycle, pulse, up, lines)
    drive = [
        _drive(file, places.get(k, k), column(k), pulse, lines, drive_scale.get(k)) for k in ("width", "amplitude")
    ]
    trains = arrange(device, devices, cycle, pulse, up, g, _resolution(g_text) * scale, *drive)
    _refuse_too_little(file, trains)
    return trains


def _head(file: Path) -> tuple[list[str], str]:
    """Names of the columns, and what stands between them."""
    if not file.is_file():
        raise FitInputError(f"{file}: must be a table in a file, not a missing one; check the path")
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            head = text.readline()
    except UnicodeDecodeError as error:
        raise FitInputError(_OTHER_KIND.format(file=file)) from error
    between = max(",;\t", key=head.count)
    names = [name.strip() for name in next(csv.reader([head], delimiter=between), [])]
    if len(names) < 3:
        raise FitInputError(
            f"{file}:1: must name columns with commas between, such as device,cycle,pulse,direction,conductance_uS, "
            f"not {len(names)}; add that line"
        )
    return names, between


class _Numbers(NamedTuple):
    """Rows of a table of numbers: where each belongs, its conductance in the table's unit, and some of them as text."""

    place: tuple[Whole, tuple[str, ...], Whole, Whole, Whole]
    conductance: npt.NDArray[np.float64]
    drive: dict[str, npt.NDArray[np.float64]]
    text: Words


def _numbers_only(file: Path, names: list[str], between: str, places: dict[str, str]) -> _Numbers | None:
    """The quick way for long tables: all numbers, and nothing wrong; else None, and the slow way says what."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty table, of which the slow way tells
            table = np.loadtxt(file, delimiter=between, skiprows=1, ndmin=2, encoding="utf-8-sig", comments=None)
        with file.open(encoding="utf-8-sig") as text:
            some = [line.split(between) for line in islice(text, 1, 2000) if line.strip()]
    except (ValueError, UnicodeDecodeError):
        return None
    if table.shape[1] != len(names) or not len(table):
        return None
    columns = dict(zip(names, table.T, strict=True))
    column = names.index(places["conductance"])
    pulse, direction = columns[places["pulse"]], columns[places["direction"]]
    whole = (pulse >= 0).all() and (pulse == np.round(pulse)).all() and pulse.max() <= 1e9
    if not (np.isfinite(table).all() and whole and (np.abs(direction) == 1).all()):
        return None
    zeros = np.zeros(len(table))
    device, which = np.unique(columns[places["device"]] if "device" in places else zeros + 1, return_inverse=True)
    _, cycle = np.unique(columns[places["cycle"]] if "cycle" in places else zeros, return_inverse=True)
    up = (direction > 0).astype(np.int64)
    done = pulse.astype(np.int64)
    if "repeat" not in places and _doubles(which, cycle, done, up) is not None:
        return None
    place = (which, tuple(f"{d:.12g}" for d in device), cycle, done, up)
    drive = {kind: np.abs(columns[places[kind]]) for kind in places if kind in ("width", "amplitude")}
    if any((values[pulse > 0] == 0.0).any() for values in drive.values()):
        return None
    return _Numbers(place, columns[names[column]], drive, np.array([cells[column].strip() for cells in some]))


def _rows(file: Path, between: str) -> tuple[list[list[str]], list[int]]:
    """Rows of cells, and the line of each row."""
    rows, lines = [], []
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            text.readline()
            reader = csv.reader(text, delimiter=between)
            for row in reader:
                if row and not (len(row) == 1 and not row[0].strip()):
                    rows.append(row)
                    lines.append(reader.line_num + 1)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FitInputError(_OTHER_KIND.format(file=file)) from error
    if not rows:
        raise FitInputError(f"{file}: must have a row for each read, not none; check the file")
    return rows, lines


def _columns(file: Path, names: list[str], rows: list[list[str]], lines: list[int]) -> list[Words]:
    width = len(names)
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise FitInputError(
                f"{file}:{line}: the row must have {width} cells like the line of names, not {len(row)}; mend it"
            )
    return [np.char.strip(np.array(cells)) for cells in zip(*rows, strict=True)]


def _key(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _places(file: Path, names: list[str]) -> tuple[dict[str, str], dict[str, str | None]]:
    """Name of the column of each kind, and the units that the names of some end in."""
    places: dict[str, str] = {}
    units: dict[str, str | None] = {}
    for name in names:
        bare, suffix = _split_unit(name)
        for kind, known in _NAMES.items():
            if _key(name) in known or (kind in _UNITS and bare in known):
                if kind in places:
                    raise FitInputError(
                        f"{file}:1: one column must be the {kind}, not both '{places[kind]}' and '{name}'; rename one"
                    )
                places[kind] = name
                if kind in _UNITS:
                    units[kind] = suffix
    for kind in _NAMES:
        if kind not in places and kind not in _OPTIONAL:
            near = get_close_matches(kind, [n.lower() for n in names], n=1)
            do = f"rename '{near[0]}'" if near else "name it in the first line"
            raise FitInputError(f"{file}:1: must have a column '{kind}', not only {', '.join(names)}; {do}")
    return places, units


def _split_unit(name: str) -> tuple[str, str | None]:
    found = re.fullmatch(r"\s*([A-Za-z]+)(?:[_\s]*[\[(/]\s*|_)([A-Za-zµμ]+)\s*[\])]?\s*", name)
    return (found[1].lower(), found[2]) if found else (_key(name), None)


def _scale(file: Path, given: str | None, said: str | None) -> float:
    text = given or said
    if text is None:
        raise FitInputError(
            f"{file}:1: the conductance must have a unit, not none; name the column conductance_uS, or say --unit uS"
        )
    where = "--unit" if given else f"{file}:1: the conductance's unit"
    try:
        scale, dimension = parse_unit(text)
    except QuantityError:
        dimension = None
    if dimension != parse_unit("S")[1]:
        raise FitInputError(f"{where}: must be one of conductance such as uS, nS or S, not '{text}'; correct it")
    return float(scale)


def _drive_scale(file: Path, kind: str, said: str | None) -> float:
    """The unit of a column of widths or amplitudes, which its name must end in."""
    example = {"width": "width_ns", "amplitude": "amplitude_V"}[kind]
    try:
        scale, dimension = parse_unit(said or "")
    except QuantityError:
        dimension = None
    if dimension != parse_unit(_UNITS[kind])[1]:
        raise FitInputError(
            f"{file}:1: the name of the {kind}'s column must end in its unit, not in '{said or 'none'}'; "
            f"name it such as {example}"
        )
    return float(scale)


def _drive(
    file: Path, name: str, text: Words | None, pulse: Whole, lines: list[int], scale: float | None
) -> npt.NDArray[np.float64] | None:
    """Widths or amplitudes without sign; those of reads before the first pulse mean nothing."""
    if text is None or scale is None:
        return None
    values = np.abs(_floats(file, name, np.where((text == "") & (pulse == 0), "0", text), lines)) * scale
    bad = (values == 0.0) & (pulse > 0)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise FitInputError(f"{file}:{lines[at]}: '{name}' must not be 0, as no pulse is; mend the row")
    return values


def _floats(file: Path, name: str, text: Words, lines: list[int]) -> npt.NDArray[np.float64]:
    try:
        values = text.astype(np.float64)
    except ValueError:
        at = next(k for k, cell in enumerate(text.tolist()) if not _is_float(cell))
        raise FitInputError(
            f"{file}:{lines[at]}: '{name}' must be a number, not '{text[at]}'; mend or leave out the row"
        ) from None
    bad = ~np.isfinite(values)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise FitInputError(
            f"{file}:{lines[at]}: '{name}' must be a finite number, not '{text[at]}'; leave out the row"
        )
    return values


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _whole(file: Path, name: str, text: Words, lines: list[int]) -> npt.NDArray[np.int64]:
    values = _floats(file, name, text, lines)
    odd = (values != np.round(values)) | (np.abs(values) > 1e9)
    if odd.any():
        at = int(np.flatnonzero(odd)[0])
        raise FitInputError(f"{file}:{lines[at]}: '{name}' must be a whole number, not '{text[at]}'; mend the row")
    return values.astype(np.int64)


def _up(file: Path, name: str, text: Words, lines: list[int]) -> npt.NDArray[np.int64]:
    words, which = np.unique(text, return_inverse=True)
    meaning = np.empty(words.size, np.int64)
    for k, word in enumerate(words.tolist()):
        bare = word.lower().removesuffix(".0")
        if bare not in _UP and bare not in _DOWN:
            at = int(np.flatnonzero(which == k)[0])
            raise FitInputError(
                f"{file}:{lines[at]}: '{name}' must be up or down, or +1 or -1, not '{word}'; mend the row"
            )
        meaning[k] = bare in _UP
    return meaning[which]


def _cycle(text: Words) -> npt.NDArray[np.int64]:
    """Number cycles by their numbers, or in the order of their names' appearance."""
    try:
        _, number = np.unique(text.astype(np.float64), return_inverse=True)
        return number.astype(np.int64)
    except ValueError:
        return tell_apart(text)[0]


def _refuse_doubles(
    file: Path,
    device: npt.NDArray[np.int64],
    cycle: npt.NDArray[np.int64],
    pulse: npt.NDArray[np.int64],
    up: npt.NDArray[np.int64],
    lines: list[int],
) -> None:
    at = _doubles(device, cycle, pulse, up)
    if at is not None:
        raise FitInputError(
            f"{file}:{lines[at]}: a device must have one read after each pulse of a cycle, not two; number the "
            "reads in a column 'repeat', or the cycles in 'cycle'"
        )


def _doubles(
    device: npt.NDArray[np.int64], cycle: npt.NDArray[np.int64], pulse: npt.NDArray[np.int64], up: npt.NDArray[np.int64]
) -> int | None:
    """A row that says the same of where it is as another, or None."""
    order = np.lexsort((pulse, up, cycle, device))
    same = np.ones(order.size - 1, bool)
    for a in (device, cycle, pulse, up):
        same &= np.diff(a[order]) == 0
    return int(order[1:][same][0]) if same.any() else None


def _resolution(text: Words) -> float:
    """Least difference that the most precise of the numbers can show, in their own unit; from a sample of them."""
    sample = text[:: max(1, text.size // 2000)].tolist()
    least = np.inf
    for cell in sample:
        mantissa, _, power = cell.lower().partition("e")
        places = len(mantissa.partition(".")[2])
        least = min(least, 10.0 ** (int(power or 0) - places))
    return float(least)


def _refuse_too_little(file: Path, trains: Trains) -> None:
    for d, name in enumerate(trains.names):
        part = slice(int(trains.first[d]), int(trains.first[d + 1]))
        moved, up = trains.pulses[part] > 0, trains.up[part] == 1
        counts = {"up": int((moved & up).sum()), "down": int((moved & ~up).sum())}
        for way, other in (("up", "down"), ("down", "up")):
            if counts[way] == 0 and counts[other] > 0:
                raise FitInfeasibleError(
                    f"{file}: device '{name}' must be pulsed in both directions, not only {other}; measure it {way} "
                    "too, or leave it out"
                )
            if counts[way] < _FEWEST:
                raise FitInfeasibleError(
                    f"{file}: device '{name}' must have at least {_FEWEST} reads after a pulse {way}, not "
                    f"{counts[way]}; measure longer trains, or leave it out"
                )
        reads = trains.y[part]
        if np.ptp(reads) * trains.half <= 2.0 * trains.resolution:
            raise FitInfeasibleError(
                f"{file}: device '{name}' must change its conductance, not stay at "
                f"{trains.siemens(float(reads[0])):.4g} S; leave it out"
            )
