"""What a model says of a target, by name: the numbers that `validation:` compares with published ones.

A name is a function with arguments (`adc-survey.area(8 bit, 1.28 GHz, 32 nm)`), a path in the inventory
(`inventory.core.power`, and `inventory.core.parts.power` for the sum of its parts), or the path of a figure
(`tile.adc.energy`). Reads are of a whole tile: all rows driven by full inputs, devices in the middle of their window.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from pydantic import BaseModel

from ohmflow.targets.adc_survey import conversion_energy, converter_area
from ohmflow.targets.area import area_tree
from ohmflow.targets.cells import layout_of
from ohmflow.targets.components.registry import all_events
from ohmflow.targets.errors import QuantityError
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.inventory import KINDS, Kind, total
from ohmflow.targets.schema.target import Target
from ohmflow.targets.timing import (
    adds_passes,
    conversions_per_read,
    passes,
    pulse_cycles,
    read_interval,
    read_latency,
)

_CALL = re.compile(r"([\w.-]+?)(?:\((.*)\))?")
_TWO_OPS = Quantity.parse("1 MAC")


class UnknownQuantityError(Exception):
    """A name that is no quantity of the model; the text is the predicate of a sentence."""


def evaluate(target: Target, text: str) -> Quantity | None:
    """The quantity of a name on a target, exact where its inputs are; None where some of it is not modelled.

    Raises:
        UnknownQuantityError: no target, or not this one, has such a quantity; or its arguments do not fit.
    """
    match = _CALL.fullmatch(text.strip())
    name, given = (match[1], match[2]) if match else (text, None)
    try:
        if name in NAMES:
            return NAMES[name](target, *_arguments(given))
        if given is None and name.startswith("inventory."):
            return _of_inventory(target, name)
        if given is None:
            return target.quantity(name)
    except (AttributeError, TypeError, QuantityError):
        pass
    near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
    do = f"write '{near[0]}'" if near and near[0] != name else f"write a figure's path or one of {', '.join(NAMES)}"
    raise UnknownQuantityError(f"must name a quantity of the model, not '{text}'; {do}")


def is_quantity(text: str) -> bool:
    """Whether a name can be a quantity of some target: a named one, or a path of keys that targets have."""
    match = _CALL.fullmatch(text.strip())
    if match is None or match[1] in NAMES:
        return match is not None
    if match[2] is not None:
        return False
    head, *rest = match[1].split(".")
    if head == "inventory":
        return bool(rest) and rest[-1] in KINDS
    model: Any = Target
    for part in (head, *rest):
        field = model.model_fields.get(part) if model is not None else None
        if field is None:
            return False
        options = (field.annotation, *getattr(field.annotation, "__args__", ()))
        model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
    return model is None and bool(rest)


def _arguments(given: str | None) -> list[Quantity]:
    texts = [part.strip() for part in given.split(",")] if given else []
    return [Quantity.number(t) if re.fullmatch(r"[\d.]+", t) else Quantity.parse(t) for t in texts]


def _of_inventory(target: Target, name: str) -> Quantity:
    *path, kind = name.split(".")[1:]
    kinds: dict[str, Kind] = {k: k for k in KINDS}
    if kind not in kinds:
        raise AttributeError(name)
    parts, part = target.inventory, None
    for step in path:
        if part is not None and step == "parts":
            parts, part = part.parts, None
        elif part is None and step in parts:
            part = parts[step]
        else:
            raise AttributeError(name)
    return total(parts, kinds[kind]) if part is None else part.value(kinds[kind])


def _chip_area(target: Target) -> Quantity | None:
    tree = area_tree(target)
    return None if tree is None or tree.missing else tree.each


def _part_area(name: str) -> Callable[[Target], Quantity | None]:
    def area(target: Target) -> Quantity | None:
        tree = area_tree(target)
        node = None if tree is None else tree.find(name)
        return None if node is None or node.missing else node.each

    return area


def _chip_power(target: Target) -> Quantity | None:
    return total(target.inventory, "power") if target.inventory else None


def _period(target: Target) -> Quantity:
    assert target.chip is not None, "checked on loading: a target with time has a chip"
    return Quantity.number(1) / target.chip.clock.value


def _mvm_latency(target: Target) -> Quantity | None:
    if not target.has_time:
        return None
    return _period(target) * read_latency(target, target.tile.crossbar.weight_cols, "cols")


def _mvm_interval(target: Target) -> Quantity | None:
    if not target.has_time:
        return None
    return _period(target) * read_interval(target, target.tile.crossbar.weight_cols, "cols")


def _mvm_energy(target: Target) -> Quantity | None:
    """Joules of what is modelled of a read; None where nothing is."""
    rows, cols = target.tile.crossbar.rows, target.tile.crossbar.weight_cols
    dose = _dose(target)
    driven, converted = Fraction(rows * passes(target)), Fraction(cols * conversions_per_read(target))
    counts = {"read_row": driven, "dac_conversion": driven, "adc_conversion": converted}
    if adds_passes(target):
        counts["shift_add"] = converted
    found = None
    for event in all_events():
        count = dose if event.name == "read_dose" else counts.get(event.name)
        if count is not None and event.price(target) is not None:
            found = event.energy(target) * count + (found or Quantity.parse("0 J"))
    return found


def _dose(target: Target) -> Fraction | None:
    """Siemens under a whole read: each device in the middle of its window, and references at weight 0."""
    window, parameters = target.device.conductance, target.device.parameters
    if window is None:
        return None
    low, high = window.min.value.value, window.max.value.value
    bottom, top = Fraction(parameters["w_min"]), Fraction(parameters["w_max"])
    reference = low + (high - low) * (-bottom) / (top - bottom)
    cell = layout_of(target)
    each = (low + high) / 2 * (cell.conducting - cell.references) + reference * cell.references
    return each * target.tile.crossbar.rows * target.tile.crossbar.weight_cols * passes(target)


def _operations(target: Target) -> Quantity:
    return _TWO_OPS * (target.tile.crossbar.rows * target.tile.crossbar.weight_cols)


def _op_energy(target: Target) -> Quantity | None:
    energy = _mvm_energy(target)
    return None if energy is None else energy / _operations(target)


def _tile_peak(target: Target) -> Quantity | None:
    interval = _mvm_interval(target)
    return None if interval is None else _operations(target) / interval


def _chip_peak(target: Target) -> Quantity | None:
    peak = _tile_peak(target)
    return None if peak is None or target.chip is None else peak * target.chip.tiles


def _tile_power(target: Target) -> Quantity | None:
    energy, interval = _mvm_energy(target), _mvm_interval(target)
    if energy is None or interval is None:
        return None
    leakage = target.quantity("tile.leakage") if target.is_modelled("tile.leakage") else None
    return energy / interval + leakage if leakage is not None else energy / interval


def _serial_power(target: Target, tiles: Quantity | None = None) -> Quantity | None:
    """Power of tiles that begin a read when the one before has ended."""
    energy, latency = _mvm_energy(target), _mvm_latency(target)
    if energy is None or latency is None:
        return None
    return energy / latency * (Fraction(1) if tiles is None else tiles.value)


def _chip_read_power(target: Target) -> Quantity | None:
    power = _tile_power(target)
    return None if power is None or target.chip is None else power * target.chip.tiles


def _ratio(
    above: Callable[[Target], Quantity | None], below: Callable[[Target], Quantity | None]
) -> Callable[[Target], Quantity | None]:
    def ratio(target: Target) -> Quantity | None:
        top, bottom = above(target), below(target)
        return None if top is None or bottom is None else top / bottom

    return ratio


def _update_time(target: Target, slots: Quantity | None = None) -> Quantity | None:
    if not target.has_time or target.device.pulse is None:
        return None
    length = Fraction(target.tile.update.train_length) if slots is None else slots.value
    return _period(target) * (target.tile.update.setup + length * pulse_cycles(target))


def _conductance_ratio(target: Target) -> Quantity | None:
    window = target.device.conductance
    return None if window is None else window.max.value / window.min.value


def _mean_resistance(target: Target) -> Quantity | None:
    window = target.device.conductance
    return None if window is None else Quantity.number(2) / (window.max.value + window.min.value)


def _states(target: Target) -> Quantity | None:
    numbers = target.device.parameters
    if not numbers.get("dw_min"):
        return None
    bottom, top, step = (Fraction(repr(numbers[name])) for name in ("w_min", "w_max", "dw_min"))
    return Quantity.number((top - bottom) / step)


def _survey(
    model: Callable[[Quantity, Quantity, Quantity], Quantity],
) -> Callable[[Target, Quantity, Quantity, Quantity], Quantity]:
    def fit(target: Target, bits: Quantity, rate: Quantity, technology: Quantity) -> Quantity:
        del target
        return model(bits, rate, technology)

    return fit


NAMES: dict[str, Callable[..., Quantity | None]] = {
    "chip.area": _chip_area,
    "chip.power": _chip_power,
    "chip.peak": _chip_peak,
    "chip.peak-per-area": _ratio(_chip_peak, _chip_area),
    "chip.peak-per-power": _ratio(_chip_peak, _chip_power),
    "chip.read-power": _chip_read_power,
    "tile.area": _part_area("tile"),
    "tile.array.area": _part_area("array"),
    "tile.mvm.latency": _mvm_latency,
    "tile.mvm.interval": _mvm_interval,
    "tile.mvm.energy": _mvm_energy,
    "tile.mvm.power": _tile_power,
    "tile.mvm.serial-power": _serial_power,
    "tile.peak": _tile_peak,
    "tile.peak-per-power": _ratio(_tile_peak, _tile_power),
    "tile.op.energy": _op_energy,
    "tile.update.time": _update_time,
    "device.conductance.ratio": _conductance_ratio,
    "device.resistance.mean": _mean_resistance,
    "device.states": _states,
    "adc-survey.energy": _survey(conversion_energy),
    "adc-survey.area": _survey(converter_area),
}
"""Every named quantity; a docs page tells what each is (`docs/describing-a-chip.md`)."""
