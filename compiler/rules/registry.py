"""Known update rules: ours by a line here, others by the entry-point group `ohmflow.rules`, which names classes."""

from ohmflow.compiler.plugins import choose, extensions
from ohmflow.compiler.rules.protocol import Rule
from ohmflow.compiler.rules.sgd import Sgd
from ohmflow.compiler.rules.tiki_taka import TikiTaka

GROUP = "ohmflow.rules"

_OURS: tuple[type[Rule], ...] = (Sgd, TikiTaka)


def rules() -> dict[str, type[Rule]]:
    """All known rules by name.

    Raises:
        ChoiceError: two rules have one name.
    """
    return extensions(GROUP, "rule", {kind.name: kind for kind in _OURS})


def rule(name: str, option: str = "--rule") -> Rule:
    """Make the rule called `name`.

    Args:
        name: of the rule.
        option: which option of the shell names it, for messages.

    Raises:
        ChoiceError: it is not known, or two rules have one name.
    """
    return choose(option, name, rules())()
