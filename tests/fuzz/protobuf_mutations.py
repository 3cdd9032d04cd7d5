"""Mutations that know protobuf but not ONNX: any field of any message gets another value, is lost or is doubled."""

from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

INTEGERS = (
    *(0, 1, -1, 2, 3, 7, 16, 127, 255, 4096, 65535, 10**6, -(10**6), 2**31 - 1, -(2**31), 2**31, 2**32),
    *(2**40, 2**62, 2**63 - 1, -(2**63), -2, 5, 9, 21, 99),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e38, -1e38, float("inf"), float("-inf"), float("nan"))
STRINGS = (
    *("", "x", "y", "w", "batch", "n", "a" * 3000, "line\nbreak", "tab\t", "quote'\"", "\x00", "ünïcode", "../../x"),
    *("ohmflow", "loss", "lr", "inv_batch", "label", "train_step", "infer", "program", "ai.onnx", "com.microsoft"),
    *("Relu", "MatMul", "Loop", "If", "axis", "{x}", "%s", "[bold]", "\x1b[31m", " ", "::", "w.g0", "ohmflow::mvm"),
)
_FIELD = FieldDescriptor
_INTEGERS = {_FIELD.CPPTYPE_INT32, _FIELD.CPPTYPE_INT64, _FIELD.CPPTYPE_UINT32, _FIELD.CPPTYPE_UINT64}
_BITS = {
    _FIELD.CPPTYPE_INT32: (-(2**31), 2**31),
    _FIELD.CPPTYPE_INT64: (-(2**63), 2**63),
    _FIELD.CPPTYPE_UINT32: (0, 2**32),
    _FIELD.CPPTYPE_UINT64: (0, 2**64),
}


def repeated(field: Any) -> bool:
    """Whether a field holds a list."""
    told = getattr(field, "is_repeated", None)
    return bool(told) if told is not None else field.label == _FIELD.LABEL_REPEATED


def messages(root: Message) -> list[Message]:
    """All messages of a tree, the root first; numbers of packed tensors are left alone."""
    found, stack = [], [root]
    while stack:
        message = stack.pop()
        found.append(message)
        for field, value in message.ListFields():
            if field.cpp_type == _FIELD.CPPTYPE_MESSAGE:
                stack += list(value) if repeated(field) else [value]
    return found


def mutate_field(root: Message, draws: Random) -> str:
    """Change one field of one message, in place, and say which."""
    everything = messages(root)
    message = draws.choice(everything)
    fields = list(message.DESCRIPTOR.fields)
    given = [field for field, _ in message.ListFields()]
    field = draws.choice(given) if given and draws.random() < 0.7 else draws.choice(fields)
    where = f"{message.DESCRIPTOR.name}.{field.name}"
    if repeated(field):
        return f"{where}: {_mutate_list(message, field, everything, draws)}"
    if field in given and draws.random() < 0.3:
        message.ClearField(field.name)
        return f"{where} cleared"
    if field.cpp_type == _FIELD.CPPTYPE_MESSAGE:
        others = [m for m in everything if m.DESCRIPTOR is field.message_type and m is not message]
        if others and len(str(root.ByteSize())) < 7:
            copy = type(others[0])()
            copy.CopyFrom(draws.choice(others))
            getattr(message, field.name).CopyFrom(copy)
        else:
            getattr(message, field.name).SetInParent()
        return f"{where} replaced"
    value = _value(field, everything, draws)
    setattr(message, field.name, value)
    return f"{where} = {str(value)[:40]!r}"


def _mutate_list(message: Message, field: Any, everything: list[Message], draws: Random) -> str:
    values = getattr(message, field.name)
    is_message = field.cpp_type == _FIELD.CPPTYPE_MESSAGE
    action = draws.choice(("remove", "double", "swap", "add", "change", "empty"))
    if action == "empty":
        message.ClearField(field.name)
    elif action == "remove" and len(values):
        del values[draws.randrange(len(values))]
    elif action == "double" and len(values):
        values.append(values[draws.randrange(len(values))])
    elif action == "swap" and len(values) > 1:
        i, j = draws.randrange(len(values)), draws.randrange(len(values))
        if is_message:
            first, second = type(values[i])(), type(values[j])()
            first.CopyFrom(values[i])
            second.CopyFrom(values[j])
            values[i].CopyFrom(second)
            values[j].CopyFrom(first)
        else:
            values[i], values[j] = values[j], values[i]
    elif is_message:
        others = [m for m in everything if m.DESCRIPTOR is field.message_type]
        new = values.add()
        if others and action == "add":
            copy = type(others[0])()
            copy.CopyFrom(draws.choice(others))
            new.CopyFrom(copy)
    elif action == "change" and len(values):
        values[draws.randrange(len(values))] = _value(field, everything, draws)
    else:
        values.append(_value(field, everything, draws))
    return action


def _value(field: Any, everything: list[Message], draws: Random) -> Any:
    kind = field.cpp_type
    if kind in _INTEGERS:
        low, high = _BITS[kind]
        value = draws.choice(INTEGERS) if draws.random() < 0.8 else draws.getrandbits(62)
        return value if low <= value < high else draws.randrange(0, 30)
    if kind in (_FIELD.CPPTYPE_FLOAT, _FIELD.CPPTYPE_DOUBLE):
        return draws.choice(FLOATS)
    if kind == _FIELD.CPPTYPE_BOOL:
        return draws.random() < 0.5
    if kind == _FIELD.CPPTYPE_ENUM:
        return draws.choice([v.number for v in field.enum_type.values])
    text = _known_name(everything, draws) if draws.random() < 0.5 else draws.choice(STRINGS)
    return text.encode() if field.type == _FIELD.TYPE_BYTES else text


def _known_name(everything: list[Message], draws: Random) -> str:
    """A name that the model uses elsewhere: how loops, doubles and wrong kinds of operands come about."""
    message = draws.choice(everything)
    for name in ("name", "op_type"):
        if name in message.DESCRIPTOR.fields_by_name:
            return str(getattr(message, name))
    return draws.choice(STRINGS)
