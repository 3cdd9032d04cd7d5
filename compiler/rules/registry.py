"""Known update rules: ours by a line here, others by the entry-point group `ohmflow.rules`, which names classes."""

from ohmflow.compiler.plugins import choose, extensions
from ohmflow.compiler.rules.agad import Agad
from ohmflow.compiler.rules.c_ttv2 import ChoppedTikiTakaV2
from ohmflow.compiler.rules.mixed_precision import MixedPrecision
from ohmflow.compiler.rules.protocol import Rule
from ohmflow.compiler.rules.residual import Residual
from ohmflow.compiler.rules.sgd import Sgd
from ohmflow.compiler.rules.shd import Shd
from ohmflow.compiler.rules.tiki_taka import TikiTaka
from ohmflow.compiler.rules.tiki_taka_v2 import TikiTakaV2

GROUP = "ohmflow.rules"

_OURS: tuple[type[Rule], ...] = (
    Sgd,
    TikiTaka,
    TikiTakaV2,
    ChoppedTikiTakaV2,
    Agad,
    Shd,
    Residual,
    MixedPrecision,
)


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
