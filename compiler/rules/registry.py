"""Known update rules: ours by a line here, others by the entry-point group `ohmflow.rules`."""

from difflib import get_close_matches
from importlib.metadata import entry_points

from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.rules.protocol import Rule
from ohmflow.compiler.rules.sgd import Sgd

_OURS: tuple[Rule, ...] = (Sgd(),)


def rules() -> dict[str, Rule]:
    """All known rules by name.

    Raises:
        UnsupportedError: two rules have one name.
    """
    known: dict[str, Rule] = {rule.name: rule for rule in _OURS}
    for point in entry_points(group="ohmflow.rules"):
        if point.name in known:
            raise UnsupportedError(
                f"rule '{point.name}': must be registered once, not by ohmflow and by {point.value}; rename it"
            )
        known[point.name] = point.load()()
    return known


def rule(name: str) -> Rule:
    """Look a rule up.

    Raises:
        UnsupportedError: it is not known; the nearest name is offered.
    """
    known = rules()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else "use a known one"
        raise UnsupportedError(f"--rule: must be one of {', '.join(sorted(known))}, not '{name}'; {hint}")
    return known[name]
