"""What an update rule is told before it decides: its layer, the device, and its own options.

An option that is left out is *derived* from layer and device; each derivation is said, with its reason, wherever the
compiler tells what it did.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class RuleOptions(BaseModel):
    """Base of every rule's `Options`: described fields, none beside them, never changed.

    A field whose default depends on the layer or the device has the default None, which `Rule.resolve` replaces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Layer:
    """The array that a rule trains.

    Attributes:
        name: symbol of its main array.
        rows, cols: inputs and outputs of a forward read.
        alpha: logical weight = alpha · device weight, of the main array.
        sites: uses in the forward graph (tied weights, time steps).
        positions: vectors a sample at each site, in the order of the sites; 1 for a dense layer.
    """

    name: str
    rows: int
    cols: int
    alpha: float
    sites: int = 1
    positions: tuple[int, ...] = (1,)

    @property
    def vectors(self) -> int:
        """Vectors (x, d) of one sample: positions of all sites together."""
        return sum(self.positions)


@dataclass(frozen=True)
class DeviceFacts:
    """The target's device and update hardware, as far as a rule's defaults depend on them.

    Attributes:
        model: name of the device model.
        dw_min: mean step of one pulse at w = 0, device units (its granularity); 0 for a device that adds exactly.
        w_min, w_max: nominal bounds of a weight, device units; infinite where there are none.
        train_length: longest pulse train of an update, slots.
        scheme: how pulses are chosen.
        update_management: whether x and d are balanced before pulses are drawn.
        train_length_management: whether the train is made as short as the vectors allow.
    """

    model: str
    dw_min: float
    w_min: float
    w_max: float
    train_length: int
    scheme: str
    update_management: bool
    train_length_management: bool


@dataclass(frozen=True)
class Derived:
    """One option that was derived.

    Attributes:
        name: of the option.
        value: what it became.
        why: the reason, a phrase such as "one read of a whole array a transfer_every·cols vectors".
    """

    name: str
    value: Any
    why: str


@dataclass(frozen=True)
class Setting:
    """A rule on a layer of a device.

    Attributes:
        layer: what it trains.
        facts: on what.
        options: an instance of the rule's `Options`; after `Rule.resolve` no field of it is None.
        derived: what was derived, in the order of the options.
    """

    layer: Layer
    facts: DeviceFacts
    options: Any
    derived: tuple[Derived, ...] = ()
