"""Find device classes by name among the entry points `ohmflow.devices`.

Ours and outsiders' devices are found in the same way. Only the class asked for is loaded, so a plug-in that is broken
stops nobody who does not use it.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from ohmflow.runtime.devices.errors import BrokenDeviceError, DeviceError, DuplicateDeviceError, UnknownDeviceError
from ohmflow.runtime.devices.protocol import Device

GROUP = "ohmflow.devices"


@dataclass(frozen=True)
class Catalogue:
    """All devices that are installed.

    Attributes:
        classes: device class by name.
        faults: what is wrong, by name, with those that can not be used.
    """

    classes: dict[str, type[Device]]
    faults: dict[str, DeviceError]


def _entries() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        # One package seen twice on the path (a checkout and its installation) is not two devices.
        if entry.value not in (other.value for other in found.setdefault(entry.name, [])):
            found[entry.name].append(entry)
    return found


def _said(entry: EntryPoint) -> str:
    return f"'{entry.value}' of {entry.dist.name}" if entry.dist else f"'{entry.value}'"


def _load(name: str, entries: list[EntryPoint]) -> type[Device]:
    if len(entries) > 1:
        both = " and ".join(sorted(_said(entry) for entry in entries))
        raise DuplicateDeviceError(
            f"device '{name}': the name must be offered once, not by {both}; uninstall one of the packages"
        )
    entry = entries[0]
    try:
        loaded: Any = entry.load()
    except Exception as error:  # a plug-in may fail in any way; which plug-in it was is what the user must know
        raise BrokenDeviceError(
            f"device '{name}': {_said(entry)} must be importable, not fail with {type(error).__name__}: {error}; "
            "mend or uninstall that package"
        ) from error
    parameters = getattr(loaded, "Parameters", None)
    if not (isinstance(loaded, type) and isinstance(parameters, type) and issubclass(parameters, BaseModel)):
        raise BrokenDeviceError(
            f"device '{name}': {_said(entry)} must be a class with pydantic `Parameters`, not {loaded!r}; "
            "point the entry at the device class"
        )
    given = getattr(loaded, "name", None)
    if given != name:
        raise BrokenDeviceError(
            f"device '{name}': {_said(entry)} must have the name of its entry point, not {given!r}; make them equal"
        )
    return loaded


def device_class(name: str) -> type[Device]:
    """Load a device class.

    Args:
        name: as a target's `device.model` gives it.

    Returns:
        The class; make a device of it with an instance of its `Parameters`.

    Raises:
        UnknownDeviceError: nothing of that name is installed.
        DuplicateDeviceError: the name is offered twice.
        BrokenDeviceError: the class can not be loaded.
    """
    entries = _entries()
    if name not in entries:
        near = get_close_matches(name, entries, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else "install the package that brings it"
        raise UnknownDeviceError(
            f"device.model: the device must be one of {', '.join(sorted(entries)) or '(none installed)'}, "
            f"not '{name}'; {hint}"
        )
    return _load(name, entries[name])


def catalogue() -> Catalogue:
    """Load every installed device, and say which can not be used.

    Returns:
        Classes and faults; every name that is offered is in exactly one of the two.
    """
    classes: dict[str, type[Device]] = {}
    faults: dict[str, DeviceError] = {}
    for name, entries in sorted(_entries().items()):
        try:
            classes[name] = _load(name, entries)
        except DeviceError as error:
            faults[name] = error
    return Catalogue(classes, faults)
