"""What an estimate says, and what its assumptions do to it."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.estimate.api import estimate
from ohmflow.runtime.estimate.as_json import SCHEMA_VERSION, estimate_json
from ohmflow.runtime.estimate.assumptions import ASSUMPTIONS, WINDOWS, parse_assumptions
from ohmflow.runtime.estimate.count_profile import Profile, windowed_arrays
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.estimate.errors import EstimateError
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.runtime.ledger.tally import CONVERSIONS
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.end_to_end.models import DIGITS_MLP
from tests.runtime.estimate.runs import CONV, MLP, chip
from tests.runtime.machine import test_trips_from_data as trips_from_data
from tests.runtime.machine import test_two_array_rule as two_arrays
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_target import hand_target

CHIP = chip("protonic-psg")


@cache
def program(which: str = "mlp") -> Program:
    return compile_model({"mlp": MLP, "conv": CONV}[which], CHIP, CompileOptions())


def made(*texts: str, which: str = "mlp", **options: object) -> Estimate:
    arrays = [a.name for a in program(which).arrays]
    profile = Profile(program(which), CHIP, parse_assumptions(texts, arrays))
    return estimate(program(which), CHIP, profile, **options)  # type: ignore[arg-type]


def counts(given: Estimate, event: str, phase: str | None = None) -> float:
    return sum(r.count for r in given.work.bill.rows if r.event == event and phase in (None, r.phase))


@pytest.mark.parametrize("which", ["mlp", "conv"])
@pytest.mark.parametrize("phase", ["training", "inference"])
def test_layers_and_leakage_sum_to_the_bill(which: str, phase: str) -> None:
    given = made(which=which, phase=phase)
    layers = sum(sum(layer.joules.values()) for layer in given.work.layers)
    assert layers + given.work.bill.by("component")["leakage"] == pytest.approx(given.work.joules, rel=1e-12)
    names = [layer.name for layer in given.work.layers]
    assert names[:2] == [a.name for a in program(which).arrays] and len(names) == len(set(names))


def test_phases_of_a_unit_sum_to_the_cycles() -> None:
    given = made()
    for unit in given.program.chip.units:
        assert sum(n for (name, _), n in given.work.bill.phase_cycles.items() if name == unit.name) == given.work.cycles
    assert sum(given.work.phase_seconds().values()) == pytest.approx(given.work.seconds)


def test_steps_repeat() -> None:
    one, many = made(), made(steps=7)
    assert (many.work.cycles, many.work.samples) == (7 * (one.work.cycles or 0), 70)
    assert many.work.joules == pytest.approx(7 * (one.work.joules or 0))


def test_longer_trains_take_more_time_and_pulses() -> None:
    short, long = made("train=2"), made("train=4")
    assert (long.work.cycles or 0) > (short.work.cycles or 0)
    for event in ("row_pulse", "col_pulse", "coincidence"):
        assert counts(long, event, "update") == pytest.approx(2 * counts(short, event, "update"))


def test_activity_drives_lines_and_converters() -> None:
    half, full = made("activity=0.5"), made("activity=1")
    for event in ("read_row", "dac_conversion", "read_dose"):
        assert counts(full, event, "forward") == pytest.approx(2 * counts(half, event, "forward"))
    assert counts(full, "adc_conversion") == counts(half, "adc_conversion")
    lines = sum(b.rows for a in program().arrays for b in a.blocks)
    assert counts(full, "read_row", "forward") == pytest.approx(10 * lines)


def test_a_retry_repeats_the_read_and_no_transposed_one() -> None:
    none, one = made(), made("retries=1")
    assert counts(one, "adc_conversion", "forward") == pytest.approx(2 * counts(none, "adc_conversion", "forward"))
    assert counts(one, "adc_conversion", "backward") == counts(none, "adc_conversion", "backward")
    assert (one.work.cycles or 0) > (none.work.cycles or 0)


def test_an_assumption_for_one_array_leaves_the_others() -> None:
    first, second = (a.name for a in program().arrays)
    before, after = made(), made(f"row-rate@{first}=0.5")
    events = {layer.name: layer.events for layer in before.work.layers}
    changed = {layer.name: layer.events for layer in after.work.layers}
    key = ("update", "driver", "row_pulse")
    assert changed[first][key] == pytest.approx(events[first][key] * 0.5 / 0.17)
    assert changed[second] == events[second]


def test_arrays_of_convolutions_have_defaults_of_their_own() -> None:
    conv, dense = (a.name for a in program("conv").arrays)
    assert windowed_arrays(program("conv")) == {conv} and windowed_arrays(program()) == frozenset()
    profile = Profile(program("conv"), CHIP)
    about = ASSUMPTIONS["train"]
    assert (profile.value("train", conv), profile.value("train", dense)) == (about.windows, about.default)
    for text, expected in (("train=5", (5, 5)), ("train@windows=5", (5, about.default))):
        given = Profile(program("conv"), CHIP, parse_assumptions([text], [conv, dense]))
        assert (given.value("train", conv), given.value("train", dense)) == expected


def test_a_fractional_mean_is_spread_evenly_and_keeps_its_sum() -> None:
    entry = program("conv").entries["train_step"]
    conv = program("conv").arrays[0].name
    profile = Profile(program("conv"), CHIP, parse_assumptions([f"train@{conv}=0.7"], [conv]))
    counter = Counter(program("conv"), entry, profile, 10)
    row = next(r for r in entry.operations if r["code"] == Op.UPDATE and r["symbol"] == 0)
    lengths = counter.layout.view(counter.flat(), int(row["group"])).ravel()
    assert lengths.sum() == round(0.7 * 10 * 16) and set(lengths.tolist()) == {0, 1}
    assert lengths.reshape(-1, 10).sum(axis=1).tolist() == [7] * 16


def test_a_train_is_no_longer_than_the_longest() -> None:
    longest = CHIP.tile.update.train_length
    assert made("train=1000").work.cycles == made(f"train={longest}").work.cycles


def test_a_rule_that_transfers_does_so_in_every_turn_of_its_modulus() -> None:
    target = hand_target(tile__update=two_arrays.update(10))
    bench = Bench(two_arrays.program(target), target)
    bench.machine.values.states[0] = np.int64(0)
    entry = bench.program.entries["train_step"]
    counter = Counter(bench.program, entry, Profile(bench.program, target), 4)
    assert counter.period == 3
    when = next(r for r in entry.operations if r["code"] == Op.WHEN)
    for step in range(6):
        _, timeline, real = bench.run("train_step", two_arrays.batch(4, step), two_arrays.scalars(4))
        taken = counter.layout.view(counter.flat(step), int(when["group"]))
        assert taken.ravel().tolist() == real[int(when["group"])].ravel().tolist()
        assert timeline.cycles == _cycles(bench.program, counter, step)


def test_trips_from_data_are_assumed() -> None:
    fixed = two_arrays.update(10)
    target = hand_target(tile__update=fixed)
    hand = trips_from_data.program(target)
    bench = Bench(hand, target)
    rows = trips_from_data.rows([3, 3, 3, 3])
    _, timeline, _ = bench.run("train_step", rows, {"lr": 0.1, "inv_batch": 0.25, "batch": 4})
    profile = Profile(hand, target, parse_assumptions(["trips=3"], ["W"]))
    counter = Counter(hand, hand.entries["train_step"], profile, 4)
    assert _cycles(hand, counter, 0) == timeline.cycles
    given = bench.machine.values.tallies["train_step"].table
    np.testing.assert_array_equal(counter.tally()[..., CONVERSIONS], given[..., CONVERSIONS])


def _cycles(hand: Program, counter: Counter, step: int) -> int:
    schedule = resolve(hand.entries["train_step"], counter.layout, hand.chip.hop, [u.name for u in hand.chip.units])
    return Clock(schedule).run(counter.flat(step)).cycles


def test_a_model_with_two_outputs_is_estimated_in_inference() -> None:
    weights = [numpy_helper.from_array(np.ones((4, n), np.float32), f"w{n}") for n in (3, 2)]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", f"w{n}"], [f"y{n}"], f"n{n}") for n in (3, 2)],
        "heads",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info(f"y{n}", TensorProto.FLOAT, ["batch", n]) for n in (3, 2)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    given = estimate(compile_model(model, CHIP, CompileOptions(training=False)), CHIP, phase="inference")
    assert counts(given, "adc_conversion") == 10 * 5


def test_ideal_has_nothing_to_estimate() -> None:
    target = load("ideal")
    given = estimate(compile_model(MLP, target, CompileOptions()), target)
    assert given.has_nothing and given.area is None and given.busy() == () and given.leakage is None
    assert json.loads(json.dumps(estimate_json(given), allow_nan=False))["per_sample"]["seconds"] is None
    assert set(given.not_modelled) >= {"time", "energy"}


def test_json_says_all_of_it() -> None:
    given = made(which="conv")
    said = json.loads(json.dumps(estimate_json(given), allow_nan=False))
    assert list(said) == [
        *("schema_version", "model", "target", "target_hash", "network", "phase", "samples", "recorded", "assumptions"),
        *("area", "programming", "work", "work_by_mean_counts", "work_by_assumptions", "per_sample", "layers", "power"),
        *("utilisation", "not_modelled", "timed_by_structure", "memory_short", "memory", "low_confidence"),
    ]
    assert said["schema_version"] == SCHEMA_VERSION and said["target_hash"] == CHIP.content_hash
    assert {row["name"] for row in said["assumptions"]} == set(ASSUMPTIONS) - {"trips"}
    assert {row["array"] for row in said["assumptions"]} == {None, WINDOWS}
    assert said["per_sample"]["energy_joules"] * said["samples"] == pytest.approx(said["work"]["energy_joules"])
    assert sum(said["work"]["energy_by_phase"].values()) == pytest.approx(said["work"]["energy_joules"])
    assert said["power"]["average_watts"] == pytest.approx(said["work"]["energy_joules"] / said["work"]["seconds"])
    area = said["area"]
    assert area["total_mm2"] == pytest.approx(sum(part["total_mm2"] for part in area["parts"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": 0}, "--batch: must be at least 1, not 0; give the samples of a step"),
        ({"steps": 0}, "--steps: must be at least 1, not 0; give how many steps to estimate"),
        ({"phase": "test"}, "--phase: must be one of training, inference, not 'test'; choose one"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(EstimateError) as raised:
        made(**options)
    assert str(raised.value) == said


def test_a_batch_that_does_not_fit_is_refused_as_the_machine_does() -> None:
    with pytest.raises(ScratchpadError, match=r"^train_step: what .* keeps for a batch of 1000000 must fit its memory"):
        made(batch=1_000_000)


def test_a_program_of_another_target_is_refused() -> None:
    other: Target = chip("rpu-2016")
    with pytest.raises(EstimateError, match=r"^-t rpu-2016: must be the target for which the program was compiled"):
        estimate(program(), other)


def test_nothing_is_executed() -> None:
    code = (
        "import sys; from ohmflow.runtime.cli.main import main\n"
        f"try: main(['estimate', {str(DIGITS_MLP)!r}, '-t', 'protonic-psg', '--json'])\n"
        "except SystemExit as left: assert left.code == 0\n"
        "loaded = [m for m in sys.modules if m.startswith(('onnxruntime', 'ohmflow.runtime.crossbar.'))]\n"
        "print(sorted(m for m in loaded if 'kernel' in m or 'onnxruntime' in m), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]" and json.loads(done.stdout)["phase"] == "training"
