"""Nested Python state as JSON beside named arrays, and back, exactly.

Numbers, text, None, lists, tuples, arrays and dictionaries (in their order, with keys that are numbers, text or tuples
of them) come back as what they were. A dictionary of numbers becomes one array, and equal lists of keys are kept once:
a book of events has the same keys in every epoch.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]


class _Packer:
    def __init__(self) -> None:
        self.tensors: Tensors = {}
        self.tables: list[list[Any]] = []
        self._known: dict[str, int] = {}

    def pack(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float() | str():
                return value
            case np.generic():
                return {"scalar": self.tensor(np.asarray(value))}
            case np.ndarray():
                return {"array": self.tensor(value)}
            case tuple():
                return {"tuple": [self.pack(item) for item in value]}
            case list():
                return [self.pack(item) for item in value]
            case dict():
                return self._dictionary(value)
        raise TypeError(f"state must be of numbers, text, lists, dictionaries and arrays, not {type(value).__name__}")

    def tensor(self, value: NDArray[Any]) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = np.ascontiguousarray(value).reshape(value.shape)
        return name

    def _dictionary(self, value: dict[Any, Any]) -> Any:
        table = self._table([self.pack(key) for key in value])
        kinds = {type(item) for item in value.values()}
        if kinds == {float}:
            return {"keys": table, "numbers": self.tensor(np.array(list(value.values()), np.float64))}
        if kinds == {int} and all(-(2**63) <= item < 2**63 for item in value.values()):
            return {"keys": table, "numbers": self.tensor(np.array(list(value.values()), np.int64))}
        return {"keys": table, "values": [self.pack(item) for item in value.values()]}

    def _table(self, keys: list[Any]) -> int:
        text = json.dumps(keys)
        if text not in self._known:
            self._known[text] = len(self.tables)
            self.tables.append(keys)
        return self._known[text]


def pack(value: Any) -> tuple[str, Tensors]:
    """Turn state into JSON and arrays.

    Returns:
        JSON text and the arrays that it names.

    Raises:
        TypeError: the state holds something else.
    """
    packer = _Packer()
    tree = packer.pack(value)
    return json.dumps({"tree": tree, "keys": packer.tables}), packer.tensors


def unpack(text: str, tensors: Tensors) -> Any:
    """Turn JSON and arrays back into state.

    Raises:
        KeyError, ValueError, TypeError: they are not what `pack` gave.
    """
    stored = json.loads(text)
    return _unpack(stored["tree"], tensors, stored["keys"])


def _unpack(value: Any, tensors: Tensors, tables: list[list[Any]]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors, tables) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return tensors[value["array"]]
    if "scalar" in value:
        return tensors[value["scalar"]][()]
    if "tuple" in value:
        return tuple(_unpack(item, tensors, tables) for item in value["tuple"])
    keys = [_unpack(key, tensors, tables) for key in tables[value["keys"]]]
    if "numbers" in value:
        return dict(zip(keys, tensors[value["numbers"]].tolist(), strict=True))
    return dict(zip(keys, (_unpack(item, tensors, tables) for item in value["values"]), strict=True))
