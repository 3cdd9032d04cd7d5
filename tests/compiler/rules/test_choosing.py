"""Rules are chosen by name, options and patterns; what is derived is said; mistakes have sentences."""

from typing import Any

import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.errors import ChoiceError
from ohmflow.compiler.rules.choosing import RuleChoice, decide, device_facts, parse_layer_rule, parse_options
from ohmflow.compiler.rules.errors import RuleError
from ohmflow.compiler.rules.protocol import Layer
from ohmflow.compiler.rules.tiki_taka_v2 import TikiTakaV2
from ohmflow.targets.registry import load

MODEL = "examples/models/digits_mlp.onnx"
LAYERS = [Layer(f"fc{k}.weight", 8, 4, 1.0) for k in (1, 2, 3)]


def decided(every: RuleChoice, *by_layer: str) -> dict[str, Any]:
    facts = device_facts(load("rpu-2016"))
    found = decide(LAYERS, facts, every, [parse_layer_rule(text) for text in by_layer])
    return {name: (layer.rule.name, layer.setting.options) for name, layer in found.items()}


def test_first_pattern_that_matches_counts() -> None:
    found = decided(RuleChoice("sgd"), "fc1*=tiki-taka:gamma=0.5,transfer_every=3", "fc*.weight=tiki-taka")
    assert [name for name, _ in found.values()] == ["tiki-taka"] * 3
    first, second = found["fc1.weight"][1], found["fc2.weight"][1]
    assert (first.gamma, first.transfer_every, second.gamma) == (0.5, 3, 0.0)


def test_options_left_out_are_derived_and_explained() -> None:
    facts = device_facts(load("rpu-2016"))
    layer = decide(LAYERS[:1], facts, RuleChoice("tiki-taka", {"transfer_every": "2"}), [])["fc1.weight"]
    told = layer.as_json()
    assert told["options"]["transfer_every"] == 2 and told["given"] == ["transfer_every"]
    assert [one["option"] for one in told["derived"]] == ["transfer_lr", "fast_alpha"]
    assert all(one["why"] for one in told["derived"]) and None not in told["options"].values()
    assert (told["devices_per_weight"], told["state_words"]) == (2, 1)


def test_facts_are_those_of_the_device_model() -> None:
    target = load("rpu-2016")
    facts = device_facts(target)
    assert facts.dw_min == pytest.approx(target.device.parameters["dw_min"])
    assert facts.w_min < 0 < facts.w_max
    assert facts.train_length == target.tile.update.train_length
    assert device_facts(load("ideal")).dw_min == 0


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            RuleChoice("tiki-taka", {"transfr_every": "2"}),
            "--rule-option transfr_every: must be an option of rule tiki-taka (transfer_every, transfer_lr, fast_lr, "
            "gamma, fast_alpha), not 'transfr_every'; did you mean 'transfer_every'?",
        ),
        (
            RuleChoice("tiki-taka", {"transfer_every": "0"}, "fc*"),
            "--layer-rule 'fc*' transfer_every: must be greater than or equal to 1, not '0'; it means vectors from "
            "one transfer to the next",
        ),
        (
            RuleChoice("sgd", {"gamma": "1"}),
            "--rule-option gamma: must be an option of rule sgd (none), not 'gamma'; leave it out",
        ),
    ],
)
def test_wrong_option_has_a_sentence(choice: RuleChoice, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        choice.make()
    assert str(caught.value) == message and caught.value.exit_status == 2


def test_pattern_without_an_array_is_refused_with_the_names() -> None:
    with pytest.raises(RuleError) as caught:
        decided(RuleChoice("sgd"), "conv*=sgd")
    assert str(caught.value) == (
        "--layer-rule 'conv*': must match an array ('fc1.weight', 'fc2.weight', 'fc3.weight'), but matches none; "
        "correct the pattern"
    )


@pytest.mark.parametrize("text", ["fc1", "=sgd", "fc1=", "fc1=sgd:", "fc1=sgd:k"])
def test_layer_rule_that_is_no_such_text_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="must be"):
        parse_layer_rule(text)


def test_option_texts_are_pairs_once() -> None:
    assert parse_options("--rule-option", ("a=1", "b=x=y")) == {"a": "1", "b": "x=y"}
    with pytest.raises(RuleError, match="once, not twice"):
        parse_options("--rule-option", ("a=1", "a=2"))


def test_unknown_rule_of_a_pattern_names_the_pattern() -> None:
    message = r"^--layer-rule 'fc\*': must be one of .*, not 'sgdm'; did you mean 'sgd'\?$"
    with pytest.raises(ChoiceError, match=message):
        CompileOptions(layer_rules=(RuleChoice("sgdm", {}, "fc*"),))


def test_layers_of_one_program_have_rules_of_their_own() -> None:
    options = CompileOptions(layer_rules=(RuleChoice("tiki-taka", {"gamma": 0.5}, "fc2*"),))
    program = compile_model(MODEL, load("ideal"), options)
    assert {a.name: (a.rule, a.layer, a.gain) for a in program.arrays} == {
        "fc1.weight": ("sgd", "", 1.0),
        "fc2.weight": ("tiki-taka", "", 1.0),
        "fc3.weight": ("sgd", "", 1.0),
        "fc2.weight.fast": ("tiki-taka", "fc2.weight", 0.5),
    }
    assert program.manifest["rules"]["fc2.weight"]["rule"] == "tiki-taka"


def test_program_that_only_infers_reads_the_arrays_alone() -> None:
    options = CompileOptions(rule="tiki-taka", rule_options={"gamma": 0.5}, training=False)
    program = compile_model(MODEL, load("ideal"), options)
    assert [a.name for a in program.arrays] == ["fc1.weight", "fc2.weight", "fc3.weight"]
    assert program.manifest["rules"] == {}


def test_a_rule_with_signs_that_forgets_how_they_change_is_refused_with_its_name() -> None:
    class Forgetful(TikiTakaV2):
        name = "forgetful"
        chopped = True

    setting = decide(LAYERS[:1], device_facts(load("rpu-2016")), RuleChoice("tiki-taka-v2"), [])["fc1.weight"].setting
    assert TikiTakaV2().declare(setting)
    with pytest.raises(RuleError) as refused:
        Forgetful().declare(setting)
    assert str(refused.value) == (
        "rule 'forgetful': a rule whose rows have signs (`chopped`) must say how they change, not inherit `flip` from "
        "BufferedRule; define `flip` in Forgetful, or set `chopped = False`"
    )
