"""The analysis of a compiled program's step: sums, names, gains, JSON."""

import json

import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.critical.analysis import Analysis, analyse
from ohmflow.runtime.critical.as_json import BY, analysis_json
from ohmflow.runtime.critical.errors import CriticalError, NoClockError
from ohmflow.runtime.critical.step import Step, time_step
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.targets.registry import load
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.critical.justified import assert_justified
from tests.runtime.machine.hand_target import hand_target


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_model(perceptron((20, 9, 4), ("Tanh",), biased=True), hand_target(), CompileOptions())


def step_of(program: Program, entry: str | None = None, batch: int = 3) -> Step:
    target = hand_target()
    return time_step(program, target, Profile(program, target), entry, batch)


@pytest.fixture(scope="module")
def analysis(program: Program) -> Analysis:
    return analyse(step_of(program))


@pytest.mark.parametrize("entry", ["train_step", "infer", "program"])
def test_the_path_of_every_entry_is_justified(program: Program, entry: str) -> None:
    step = step_of(program, entry)
    assert_justified(step.schedule, step.timeline, analyse(step, gains=False).path)


@pytest.mark.parametrize("by", BY)
def test_sums_add_up_to_the_cycles(analysis: Analysis, by: str) -> None:
    sums = analysis.sums(by)
    assert sum(s.cycles for s in sums) == analysis.step.timeline.cycles
    assert sum(s.spans for s in sums) == len(analysis.path)


def test_layers_are_arrays_and_segments(program: Program, analysis: Analysis) -> None:
    known = {a.name for a in program.arrays} | {s.name for s in program.segments} | {"-"}
    assert {s.name for s in analysis.sums("layer")} <= known
    assert {"w0", "w1"} & {s.name for s in analysis.sums("layer")}


def test_gains_of_classes_are_a_tenth_where_one_thing_happens_at_a_time(program: Program) -> None:
    analysis = analyse(step_of(program, "infer", 1))
    classes = [g for g in analysis.gains if g.kind == "class"]
    assert {g.name for g in classes} == {"tiles", "vector units", "host", "links"}
    assert sum(g.saved for g in classes) == pytest.approx(analysis.step.timeline.cycles / 10)


def test_a_gain_is_never_more_than_the_whole_share(analysis: Analysis) -> None:
    assert analysis.gains
    for gain in analysis.gains:
        assert -0.1 < gain.share <= 0.1 + 1e-12, gain


def test_parts_of_a_kind_are_listed_beside_it(analysis: Analysis) -> None:
    names = {g.name for g in analysis.gains}
    assert {"tiles: array phase of reads", "tiles: converters", "vector units: arithmetic"} <= names
    assert "tiles: programming" not in names, "a training step programs nothing"


def test_json_holds_the_whole_chain(analysis: Analysis) -> None:
    told = json.loads(json.dumps(analysis_json(analysis), allow_nan=False))
    at = 0
    for span in told["path"]:
        assert span["at"] == at
        at += span["cycles"]
    assert at == told["cycles"] == analysis.step.timeline.cycles
    assert "path" not in analysis_json(analysis, chain=False)


def test_an_unknown_entry_is_refused(program: Program) -> None:
    with pytest.raises(CriticalError) as caught:
        step_of(program, "dance")
    assert str(caught.value) == (
        "--entry dance: must be one of the program's (infer, program, train_step); choose one of them"
    )


def test_an_empty_batch_is_refused(program: Program) -> None:
    with pytest.raises(CriticalError, match=r"^--batch: must be at least 1, not 0; give the samples of a step$"):
        step_of(program, batch=0)


def test_a_target_without_time_is_refused() -> None:
    target = load("ideal")
    program = compile_model(perceptron((4, 3), (), biased=False), target, CompileOptions())
    with pytest.raises(NoClockError, match="target ideal: time must be modelled") as caught:
        time_step(program, target, Profile(program, target))
    assert caught.value.exit_status == 3
