"""Telling which rule trains which array, with its options, and why those that were derived are what they are."""

from collections.abc import Mapping
from typing import Any


def rule_lines(rules: Mapping[str, Any]) -> list[str]:
    """Lines of text on the rules of a program; none where every rule is plain and has nothing to tell.

    Args:
        rules: what a program's manifest says was decided when it was compiled, by array.
    """
    lines: list[str] = []
    for name, rule in rules.items():
        if not rule["options"] and rule["devices_per_weight"] == 1 and not rule["state_words"]:
            continue
        lines.append(f"rule of {name}: {rule['rule']}, {memory_text(rule)}")
        reasons = {one["option"]: one["why"] for one in rule["derived"]}
        for option, value in rule["options"].items():
            why = reasons.get(option, "given" if option in rule["given"] else "default")
            lines.append(f"  {option} = {_number(value)}: {why}")
    return lines


def memory_text(rule: Mapping[str, Any]) -> str:
    """What a rule takes for each weight: devices, and digital words if there are any."""
    devices = "1 device" if rule["devices_per_weight"] == 1 else f"{rule['devices_per_weight']} devices"
    words = rule["words_per_weight"]
    if not rule["state_words"]:
        return f"{devices} a weight"
    if words < 0.01:
        return f"{devices} a weight, {rule['state_words']} digital word{'s' if rule['state_words'] > 1 else ''} in all"
    return f"{devices} and {words:.3g} digital words a weight"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
