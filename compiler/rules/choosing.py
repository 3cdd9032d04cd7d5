"""Which rule trains which array, with which options: `--rule`, `--rule-option`, `--layer-rule`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from ohmflow.compiler.rules.errors import RuleError
from ohmflow.compiler.rules.protocol import Declaration, DeviceFacts, Layer, Rule, RuleOptions, Setting
from ohmflow.compiler.rules.registry import rule
from ohmflow.targets.cells import cell_facts
from ohmflow.targets.schema.target import Target


@dataclass(frozen=True)
class RuleChoice:
    """A rule by name, with options as a user gives them: texts or values.

    Attributes:
        name: of the rule.
        options: by name; those left out take their defaults.
        pattern: of array names that it is for, as `fnmatch` reads it; None for all.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pattern: str | None = None

    @property
    def where(self) -> str:
        """The shell's option that gives it, for messages."""
        return "--rule" if self.pattern is None else f"--layer-rule '{self.pattern}'"

    def make(self) -> tuple[Rule, RuleOptions]:
        """Make the rule and its options.

        Raises:
            ChoiceError: the rule is not known.
            RuleError: an option is not known or out of range; all faults, one a line.
        """
        made = rule(self.name, self.where)
        return made, self._checked(made.Options)

    def _checked(self, kind: type[RuleOptions]) -> RuleOptions:
        try:
            return kind.model_validate(dict(self.options))
        except ValidationError as error:
            told = [self._fault(kind, dict(fault)) for fault in error.errors(include_url=False)]
            raise RuleError("\n".join(told)) from error

    def _fault(self, kind: type[RuleOptions], fault: dict[str, Any]) -> str:
        name = str(fault["loc"][0]) if fault["loc"] else "options"
        where = f"--rule-option {name}" if self.pattern is None else f"{self.where} {name}"
        if fault["type"] == "extra_forbidden":
            known = ", ".join(kind.model_fields) or "none"
            near = get_close_matches(name, kind.model_fields, 1)
            hint = f"did you mean '{near[0]}'?" if near else "leave it out"
            return f"{where}: must be an option of rule {self.name} ({known}), not '{name}'; {hint}"
        said = str(fault["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
        described = kind.model_fields[name].description if name in kind.model_fields else None
        hint = f"it means {described}" if described else "correct it"
        return f"{where}: must be {said}, not {fault['input']!r}; {hint}"


def parse_options(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read `k=v` texts.

    Raises:
        RuleError: one is not of this form, or an option is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not name or not equals or not value:
            raise RuleError(f"{option}: must be NAME=VALUE, not '{text}'; write for instance transfer_every=2")
        if name in found:
            raise RuleError(f"{option}: must give '{name}' once, not twice; keep one of them")
        found[name] = value
    return found


def parse_layer_rule(text: str) -> RuleChoice:
    """Read `PATTERN=NAME[:k=v,...]`.

    Raises:
        RuleError: it is not of this form.
    """
    pattern, equals, rest = text.partition("=")
    name, colon, options = rest.partition(":")
    if not pattern or not equals or not name or (colon and not options):
        raise RuleError(
            f"--layer-rule: must be PATTERN=NAME or PATTERN=NAME:k=v,..., not '{text}'; write for instance 'fc*=sgd'"
        )
    return RuleChoice(name, parse_options("--layer-rule", options.split(",") if options else ()), pattern)


@dataclass(frozen=True)
class LayerRule:
    """A rule on a layer, decided.

    Attributes:
        rule: what trains it.
        setting: layer, device and complete options.
        declaration: what the rule needs there.
        given: names of the options that the user gave.
    """

    rule: Rule
    setting: Setting
    declaration: Declaration
    given: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For manifests and `--json`: the rule, its options, what was derived and why, and the memory per weight."""
        layer, declared = self.setting.layer, self.declaration
        return {
            "rule": self.rule.name,
            "options": self.setting.options.model_dump(mode="json"),
            "given": list(self.given),
            "derived": [{"option": d.name, "value": d.value, "why": d.why} for d in self.setting.derived],
            "devices_per_weight": declared.devices_per_weight,
            "state_words": declared.state_words,
            "words_per_weight": declared.state_words / (layer.rows * layer.cols),
        }


def device_facts(target: Target) -> DeviceFacts:
    """What rules may know of a target's device.

    Raises:
        DeviceModelError: the device model can not be had.
    """
    device, update = target.device, target.tile.update
    dw_min, (low, high) = cell_facts(target)
    return DeviceFacts(
        device.model,
        dw_min,
        low,
        high,
        update.train_length,
        update.scheme,
        update.update_management,
        update.train_length_management,
    )


def decide(
    layers: Sequence[Layer], facts: DeviceFacts, every: RuleChoice, by_layer: Sequence[RuleChoice]
) -> dict[str, LayerRule]:
    """Give each layer its rule: the first pattern that matches, else the rule for all.

    Args:
        layers: in the order of the arrays.
        facts: of the device.
        every: rule of the layers that no pattern matches.
        by_layer: choices with patterns.

    Raises:
        ChoiceError: a rule is not known.
        RuleError: an option is wrong, or a pattern matches no array.
    """
    for choice in by_layer:
        assert choice.pattern is not None, "a choice for some layers has a pattern"
        if not any(fnmatchcase(layer.name, choice.pattern) for layer in layers):
            names = ", ".join(f"'{layer.name}'" for layer in layers) or "none"
            raise RuleError(f"{choice.where}: must match an array ({names}), but matches none; correct the pattern")
    found = {}
    for layer in layers:
        choice = next((c for c in by_layer if fnmatchcase(layer.name, c.pattern or "*")), every)
        made, options = choice.make()
        setting = made.resolve(Setting(layer, facts, options))
        found[layer.name] = LayerRule(made, setting, made.declare(setting), tuple(choice.options))
    return found
