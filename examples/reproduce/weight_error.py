"""How near to a known matrix do update rules come? Few states, and references that are off, after Rasch et al. 2024.

    python examples/reproduce/weight_error.py [--seeds 3] [--processes 2] [--quick]

One array of 20 × 20 soft-bounds devices learns W* from y = x·W* + noise. Its error is the standard deviation of W − W*,
in units of half the device's range, as in their figure 4. Two sweeps: the spread σ_r of the references about the
devices' symmetry points, with 20 states, and the number of states, with σ_r = 0. Source of the questions and of the
published figures: Nat. Commun. 15:7133 (2024), arXiv 2303.04721.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # also where this file is run by another script

from sweeps import deliver, options, spread, table  # noqa: E402

from ohmflow.compiler import CompileOptions, compile_model  # noqa: E402
from ohmflow.compiler.lowering.scaling import WeightScaling  # noqa: E402
from ohmflow.runtime import TrainOptions, train  # noqa: E402
from ohmflow.runtime.training.data import DataSet, Rows  # noqa: E402
from ohmflow.targets.registry import load  # noqa: E402

NAME = "weight_error"
SIZE = 20
VECTORS, BATCH, LR, NOISE = 40_000, 10, 0.5, 0.1
RULES = ("sgd", "tiki-taka-v2", "c-ttv2", "agad")
OFFSETS = (0.0, 0.05, 0.1, 0.25, 0.5)
STATES = (10, 20, 50, 100, 500)
FEW = 20
PUBLISHED = {
    ("sgd", FEW, 0.0): "above 25 %",
    ("tiki-taka-v2", FEW, 0.0): "about 5 %",
    ("tiki-taka-v2", FEW, 0.1): "about 9 % from here on",
    ("c-ttv2", FEW, 0.5): "holds up to about here",
    ("agad", FEW, 0.5): "any offset",
}
"""By rule, states, offset; second-hand figures (confidence B)."""

CHIP = """\
name: weight-error
summary: soft-bounds devices with references of their own on the chip of Gokmen and Vlasov 2016
extends: rpu-2016
device:
  model: soft-bounds-reference
  parameters:
    dw_min: {{value: {step}, source: "the study's number of states", confidence: low}}
    w_max: {{value: 1, source: "the study", confidence: low}}
    w_min: {{value: -1, source: "the study", confidence: low}}
    up_down_dtod: {{value: 0.1, source: "the study", confidence: low}}
    subtract_symmetry_point: {{value: 1, source: "the study", confidence: low}}
    reference_std: {{value: {offset}, source: "the study", confidence: low}}
"""


@dataclass(frozen=True)
class Case:
    """One training."""

    rule: str
    states: int
    offset: float
    seed: int

    @property
    def name(self) -> str:
        """Of its result."""
        return f"{self.rule}-{self.states}-{self.offset:g}-seed{self.seed}"


def cases(seeds: int) -> list[Case]:
    """Both sweeps."""
    points = [(FEW, offset) for offset in OFFSETS] + [(states, 0.0) for states in STATES if states != FEW]
    return [Case(rule, *point, seed) for seed in range(seeds) for point in points for rule in RULES]


def learn(case: Case, folder: Path, vectors: int) -> float:
    """Train one case, and return its weight error; remembered in the folder."""
    known = folder / f"{case.name}.json"
    if known.is_file():
        return float(json.loads(known.read_text())["error"])
    rng = np.random.default_rng([case.seed, 0xE44])
    wanted = rng.normal(0.0, 0.3, (SIZE, SIZE)).clip(-0.6, 0.6).astype(np.float32)
    x = rng.uniform(-1.0, 1.0, (vectors, SIZE)).astype(np.float32)
    y = (x @ wanted + NOISE * rng.standard_normal((vectors, SIZE))).astype(np.float32)
    model = folder / f"{case.name}.onnx"
    chip = folder / f"{case.name}.yaml"
    onnx.save(_linear(), model)
    chip.write_text(CHIP.format(step=2.0 / case.states, offset=case.offset))
    target = load(str(chip))
    program = compile_model(model, target, CompileOptions("mse", case.rule, scaling=WeightScaling("none")))
    rows = Rows(x, y)
    few = rows.take(slice(0, 10))
    options_ = TrainOptions(epochs=1, batch=BATCH, lr=LR, seed=case.seed)
    run = train(program, target, DataSet("regression", rows, few, few), options_)
    found = numpy_helper.to_array(run.model.graph.initializer[0])
    error = float(np.std(found - wanted))
    known.write_text(json.dumps({"error": error}) + "\n")
    return error


def _linear() -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.zeros((SIZE, SIZE), np.float32), "W")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", SIZE])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def markdown(errors: dict[Case, float], vectors: int) -> str:
    """Both sweeps as tables."""

    def told(rule: str, states: int, offset: float) -> str:
        own = [e for c, e in errors.items() if (c.rule, c.states, c.offset) == (rule, states, offset)]
        text = f"{spread(own).text(1, 100)} %" if own else "–"
        published = PUBLISHED.get((rule, states, offset))
        return f"{text} ({published})" if published else text

    by_offset = [[rule, *(told(rule, FEW, offset) for offset in OFFSETS)] for rule in RULES]
    by_states = [[rule, *(told(rule, states, 0.0) for states in STATES)] for rule in RULES]
    return "\n\n".join(
        [
            f"Weight error against the spread of references, {FEW} states (published in brackets):",
            table(["rule", *(f"σ_r = {offset:g}" for offset in OFFSETS)], by_offset),
            "Weight error against the number of states, σ_r = 0:",
            table(["rule", *(f"{states} states" for states in STATES)], by_states),
            f"{vectors:,} vectors, batch {BATCH}, learning rate {LR:g}, seeds: {len({c.seed for c in errors})}; ± is "
            "the standard deviation over seeds. σ_r is in device units, of a range from −1 to 1.",
        ]
    )


def compute(asked: argparse.Namespace, folder: Path, vectors: int) -> dict[Case, float]:
    """Train what is not done yet."""
    folder.mkdir(parents=True, exist_ok=True)
    every = cases(asked.seeds)
    if asked.table:
        every = [case for case in every if (folder / f"{case.name}.json").is_file()]
    with ProcessPoolExecutor(asked.processes) as pool:
        futures = {case: pool.submit(learn, case, folder, vectors) for case in every}
        return {case: future.result() for case, future in futures.items()}


def main() -> int:
    """Train, then write the tables."""
    asked = options(__doc__ or "", needs_data=False).parse_args()
    folder = asked.folder or Path(f"runs/{NAME}{'-quick' if asked.quick else ''}")
    vectors = 200 if asked.quick else VECTORS
    deliver(asked, NAME, markdown(compute(asked, folder, vectors), vectors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
