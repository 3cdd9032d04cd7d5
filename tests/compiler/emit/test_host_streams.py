"""The host sends and receives at once, so samples follow each other through the layers."""

from itertools import pairwise

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import CountLayout, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Timeline
from ohmflow.runtime.machine.clock import simulate
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.hand_target import hand_target


def inference(program: Program, samples: int) -> Timeline:
    entry = program.entries["infer"]
    layout = CountLayout.of(entry, {"batch": samples})
    return simulate(resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units]))


def slowest_unit(program: Program, timeline: Timeline) -> int:
    """Busy cycles of the unit that is busy longest."""
    stream = program.entries["infer"].stream
    return max(int(timeline.activity[a:b, 0].sum()) for a, b in pairwise(stream))


def test_inference_of_n_samples_takes_one_sample_and_n_times_the_slowest_unit() -> None:
    model = perceptron((20, 9, 4, 3), ("Tanh", "Relu"), biased=True)
    program = compile_model(model, hand_target(), CompileOptions(packing="spread"))
    one, many = inference(program, 1), inference(program, 40)
    each = slowest_unit(program, many) // 40
    assert each < one.cycles / 3
    assert many.cycles - one.cycles == 39 * each


def test_the_host_sends_and_receives_in_two_streams() -> None:
    program = compile_model(perceptron((8, 4), (), biased=False), hand_target(), CompileOptions())
    assert [(u.name, u.x, u.y) for u in program.chip.units if u.kind == "host"] == [
        ("host", 0, 0),
        ("host.results", 0, 0),
    ]
