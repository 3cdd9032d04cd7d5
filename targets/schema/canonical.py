"""The canonical form of a target and its hash.

The form holds what changes a number of a run: the name, every value, every choice, and what is not modelled. Comments,
order, spelling of units, the file's place, summaries, sources and confidences do not enter, so that mending a citation
does not make a compiled program stale; nor does `validation`. A device's parameter of 0 does not enter either: what is
left out is 0 by default or has its default here, so that a model which learns to do more changes no hash of a target
that asks for nothing of it. What says how finely the network is simulated does not enter (`_LEVEL`): a program is the
same at both levels, and a run says which one it was.
"""

import hashlib
import json

from pydantic import BaseModel

from ohmflow.targets.schema.chip import Chip, Router
from ohmflow.targets.schema.device import Device
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.network import Network
from ohmflow.targets.schema.updating import Update

_LEVEL: dict[type[BaseModel], tuple[str, ...]] = {
    Network: ("level",),
    Router: ("vcs", "buffer", "stages", "credit"),
}
"""Keys of sections that only say how the network is simulated."""


def canonical(value: object) -> object:
    """Turn a section into JSON-able data: quantities as exact fractions of SI, absent things left out."""
    match value:
        case BaseModel():
            names = type(value).model_fields
            left_out = ("summary", "validation", *_LEVEL.get(type(value), ()))
            pairs = {name: getattr(value, name) for name in names if name not in left_out}
            if (
                isinstance(value, Chip)
                and value.network is not None
                and canonical(value.network) == canonical(Network())
            ):
                pairs["network"] = None  # nothing but the level is chosen
            if isinstance(value, Update) and value.kernel == "fused":
                pairs["kernel"] = None  # as it is where a target does not say
            if isinstance(value, Device):
                pairs["parameters"] = {key: given for key, given in value.parameters.items() if given != 0.0}
            return {name: canonical(item) for name, item in pairs.items() if item is not None and item != {}}
        case Figure():
            return [str(value.value.value), list(value.value.dimension)]
        case dict():
            return {str(name): canonical(item) for name, item in value.items()}
        case tuple() | list():
            return [canonical(item) for item in value]
        case float():
            return repr(value)
        case _:
            return value


def content_hash(target: BaseModel) -> str:
    """SHA-256, in hexadecimal, of the canonical form."""
    text = json.dumps(canonical(target), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
