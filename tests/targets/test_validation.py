"""Published quantities beside the model's."""

import pytest

from ohmflow.targets.errors import QuantityError, TargetError
from ohmflow.targets.model_quantities import NAMES, UnknownQuantityError, evaluate
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.registry import available, load
from ohmflow.targets.validation import compare
from tests.targets.test_documentation import DESCRIBING

ROWS = """
validation:
  source: "a paper"
  confidence: medium
  conversion: {quantity: energy of a conversion, published: 2.0 pJ, model: tile.adc.energy, kind: transcribed}
  noise: {quantity: noise, published: 0.05, model: tile.adc.noise, kind: derived}
  latency: {quantity: latency of a read, published: 0.25 us, model: tile.mvm.latency, kind: predicted, note: "why"}
"""


def test_a_row_is_compared_in_the_unit_of_publication(write, small: str) -> None:
    conversion, noise, latency = compare(load(write(small + ROWS)))
    assert (conversion.value, conversion.error, conversion.agrees) == (2.0, 0.0, True)
    assert (noise.value, noise.published.unit) == (0.06, "")
    assert noise.error == pytest.approx(0.2)
    # A = 2 + 80, C = 32 columns on 2 converters of 5 cycles, L = 4
    assert latency.value == pytest.approx((82 + 16 * 5 + 4) * 1e-3)
    assert latency.published.source == "a paper" and latency.row.note == "why"
    assert [row.contradicts for row in (conversion, noise, latency)] == [False] * 3


@pytest.mark.parametrize(
    ("published", "agrees"),
    [("2 pJ", True), ("2.0 pJ", True), ("2.01 pJ", False), ("2.4 pJ", False), ("2e3 fJ", True), ("2.3e0 pJ", False)],
)
def test_a_transcribed_row_must_round_to_the_published_digits(write, small: str, published: str, agrees: bool) -> None:
    (row, *_) = compare(load(write((small + ROWS).replace("2.0 pJ", published))))
    assert (row.agrees, row.contradicts) == (agrees, not agrees)


def test_a_contradiction_says_both_values(write, small: str) -> None:
    (row, *_) = compare(load(write((small + ROWS).replace("2.0 pJ", "3 pJ"))))
    assert row.contradiction == (
        "small: validation.conversion: tile.adc.energy must be 3 pJ as transcribed, not '2 pJ'; "
        "mend the figure, or the row's kind"
    )


def test_what_is_not_modelled_is_compared_with_nothing(write, small: str) -> None:
    text = (small + ROWS).replace("    energy: 2 pJ\n", "").replace("[area]", "[area, tile.adc.energy]")
    (row, *_) = compare(load(write(text)))
    assert (row.ours, row.value, row.error, row.contradicts) == (None, None, None, True)


def test_a_unit_of_another_dimension_is_refused(write, small: str) -> None:
    target = load(write((small + ROWS).replace("2.0 pJ", "2.0 mW")))
    with pytest.raises(
        TargetError, match=r"must be of the dimension of tile\.adc\.energy, which is 2 pJ, not '2.0 mW'; "
    ):
        compare(target)


@pytest.mark.parametrize("model", ["tile.adc.enrgy", "chip.aera", "tile.adc.energy(3)", "tile", "inventory.core"])
def test_a_row_must_name_a_quantity(problems, small: str, model: str) -> None:
    (text,) = problems({"model: tile.adc.energy": f"model: {model}"}, small + ROWS)
    assert text.startswith(
        f"chip.yaml:50:76: validation.conversion.model must name a quantity of the model, not '{model}'; "
    )


def test_arguments_that_do_not_fit_are_refused(write) -> None:
    target = load(write())
    for text in ("adc-survey.area(8 bit, 1 GHz)", "adc-survey.area(3 bit, 1 GHz, 32 nm)", "chip.area(1)"):
        with pytest.raises(UnknownQuantityError):
            evaluate(target, text)


def test_a_published_value_must_be_a_quantity(problems, small: str) -> None:
    (text,) = problems({"published: 2.0 pJ": "published: two"}, small + ROWS)
    assert text.endswith(
        "validation.conversion.published must be a quantity or a plain number, not 'two'; write one such as '5 ns', "
        "'84 Top/s/W' or 1200"
    )


def test_validation_is_neither_inherited_nor_in_the_hash(write, small: str) -> None:
    plain = load(write()).content_hash
    assert load(write(small + ROWS)).content_hash == plain
    write("name: child\nsummary: Extends\nextends: chip.yaml\n", "child.yaml")
    assert load("child.yaml").validation == {}
    assert not [path for path in load("chip.yaml").origins if path.startswith("validation")]


def test_quantities_of_a_small_target_by_hand(write) -> None:
    target = load(write())
    mvm = 166e-9  # A + C + L = 82 + 80 + 4 cycles
    dose = (55e-9 + 55e-9) * 64 * 32  # window 10 to 100 nS; weight 0 is its middle
    energy = 64 * 2.56e-15 * 0.25 + 64 * 0.3e-12 + 32 * 2e-12 + dose * 0.25 * 80e-9
    power = energy / 82e-9 + 1e-3
    expected = {
        "tile.mvm.latency": (mvm, "s"),
        "tile.mvm.interval": (82e-9, "s"),
        "tile.mvm.energy": (energy, "J"),
        "tile.op.energy": (energy / (2 * 64 * 32), "J/op"),
        "tile.peak": (2 * 64 * 32 / 82e-9, "op/s"),
        "chip.peak": (8 * 2 * 64 * 32 / 82e-9, "op/s"),
        "tile.mvm.power": (power, "W"),
        "tile.peak-per-power": (2 * 64 * 32 / 82e-9 / power, "op/s/W"),
        "chip.read-power": (8 * power, "W"),
        "tile.mvm.serial-power(3)": (3 * energy / mvm, "W"),
        "tile.update.time": (33e-9, "s"),
        "tile.update.time(10)": (12e-9, "s"),
        "device.resistance.mean": (1 / 55e-9, "ohm"),
    }
    assert {n: evaluate(target, n).to(unit) for n, (_, unit) in expected.items()} == {
        n: pytest.approx(value, rel=1e-9, abs=0) for n, (value, _) in expected.items()
    }
    assert evaluate(target, "device.conductance.ratio").si == 10
    assert evaluate(target, "device.states").si == 1200


def test_an_array_that_is_not_double_buffered_begins_a_read_when_the_last_has_ended(write) -> None:
    target = load(write(), {"tile.read.double_buffered": "false"})
    assert evaluate(target, "tile.mvm.interval") == evaluate(target, "tile.mvm.latency")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("adc-survey")])
def test_ideal_has_no_quantity_but_those_of_its_devices(name: str) -> None:
    assert evaluate(load("ideal"), name) is None


def test_every_named_quantity_is_on_the_page() -> None:
    assert [name for name in NAMES if f"`{name}" not in DESCRIBING] == []


@pytest.mark.parametrize(
    ("bits", "rate", "technology", "picojoules", "square_micrometres"),
    [
        (6, "10 MHz", "32 nm", 1.064, 2253),
        (8, "100 MHz", "32 nm", 1.711, 3937),
        (9, "200 MHz", "32 nm", 2.337, 4898),
        (9, "1 GHz", "32 nm", 4.690, 8070),
        (10, "1.28 GHz", "32 nm", 16.39, 12269),
        (8, "1 GHz", "14 nm", 0.362, 1650),
        (9, "1.28 GHz", "14 nm", 1.167, 2449),
    ],
)
def test_adc_survey_gives_what_its_fit_is_published_to_give(
    write, bits: int, rate: str, technology: str, picojoules: float, square_micrometres: float
) -> None:
    target, given = load(write()), f"({bits} bit, {rate}, {technology})"
    rounding = 1e-3  # published to four digits
    assert evaluate(target, f"adc-survey.energy{given}").to("pJ") == pytest.approx(picojoules, rel=rounding, abs=0)
    assert evaluate(target, f"adc-survey.area{given}").to("um^2") == pytest.approx(
        square_micrometres, rel=rounding, abs=0
    )


def test_areas_of_shipped_converters_are_those_of_the_survey(write) -> None:
    for name, rate in (("protonic-psg", "250 MHz"), ("rpu-2016", "200 MHz")):
        area = evaluate(load(name), f"adc-survey.area(9 bit, {rate}, 28 nm)")
        assert load(name).tile.adc.area.to("um^2") == pytest.approx(area.to("um^2"), rel=1e-3, abs=0)


@pytest.mark.parametrize("name", [info.name for info in available()])
def test_no_shipped_target_contradicts_its_source(name: str) -> None:
    assert [row.contradiction for row in compare(load(name)) if row.contradicts] == []


def test_shipped_predictions_are_as_far_off_as_they_are() -> None:
    errors = {
        (row.target, row.name): row.error
        for name in ("puma", "rpu-2016")
        for row in compare(load(name))
        if row.row.kind == "predicted"
    }
    assert errors == {
        ("puma", "read-power"): pytest.approx(70.2 / 62.5 - 1, abs=1e-3),
        ("puma", "adc-energy"): pytest.approx(1.927 / 1.5625 - 1, abs=1e-3),
        ("puma", "adc-area"): pytest.approx(6467 / 1200 - 1, abs=1e-3),
        ("rpu-2016", "op-energy"): pytest.approx(-0.488, abs=1e-3),
        ("rpu-2016", "peak-per-power"): pytest.approx(0.947, abs=1e-3),
        ("rpu-2016", "tile-power"): pytest.approx(-0.500, abs=1e-3),
        ("rpu-2016", "chip-power"): pytest.approx(-0.500, abs=1e-3),
        ("rpu-2016", "adc-survey"): pytest.approx(-0.898, abs=1e-3),
    }


def test_a_mac_is_two_operations() -> None:
    assert Quantity.parse("23.8 fJ/MAC") == Quantity.parse("11.9 fJ/op")
    with pytest.raises(QuantityError):
        Quantity.parse("1 pJ/op").to("pJ")
