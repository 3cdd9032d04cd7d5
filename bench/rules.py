"""Time update rules: TTv2's update with its transfers on one array, and a digits epoch under each rule.

The first table is one dense layer of 512 × 512, 64 vectors with a transfer each: nanoseconds a crosspoint over those of
numpy's `W += x⊗d`, of the fused kernel and of the interpreter. The second is the epoch of `bench/epoch.py`. Both take
turns with numpy in one process.

    python bench/rules.py [--repeats 9] [--target rpu-2016]
"""

import statistics
from collections.abc import Callable

import numpy as np
import onnx
from comparison import Comparison, deliver, options, take_turns
from epoch import BATCH, LR, MODEL, NumpyNet
from onnx import TensorProto, helper, numpy_helper
from threadpoolctl import threadpool_limits

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.masks import with_masks
from ohmflow.runtime.training.data import Rows, load_data
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

SIZE, VECTORS = 512, 64
RULES = ("sgd", "tiki-taka", "tiki-taka-v2", "c-ttv2", "agad", "shd", "residual", "mixed-precision")


def layer() -> onnx.ModelProto:
    """Make y = x·W, 512 × 512."""
    w = np.random.default_rng(0).uniform(-0.3, 0.3, (SIZE, SIZE)).astype(np.float32)
    rows = ["batch", SIZE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, rows)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, rows)],
        [numpy_helper.from_array(w, "W")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


class Updates:
    """The update loop of a layer's training step, with given x and d: what a step does after its reads."""

    def __init__(self, rule: str, target: Target, fused: bool) -> None:
        chosen = CompileOptions(
            loss="mse", rule=rule, rule_options={"fast_lr": 0.01}, scaling=WeightScaling("none"), packing="spread"
        )
        program = compile_model(layer(), target, chosen)
        self.machine = Machine(program, target, 0)
        self.machine.execute("program", {}, {}, 0)
        self.machine.values.fused = fused
        rng = np.random.default_rng(0)
        self.x = (0.5 * rng.standard_normal((VECTORS, SIZE))).astype(np.float32)
        self.d = (0.1 * rng.standard_normal((VECTORS, SIZE))).astype(np.float32)
        engine = self.machine.values
        nodes, _ = engine._plans["train_step"]
        self._loop = next(node for node in nodes if node.fused is not None)
        entry = program.entries["train_step"]
        given = {a.name: self.x for a in entry.arguments if a.kind == "rows" and a.keep is None}
        rows = with_masks(entry, given, VECTORS, 0, 0)
        scalars = {"lr": 0.01, "inv_batch": 1 / VECTORS, "batch": VECTORS}
        _, self._frame = engine.run("train_step", rows, scalars, 0)
        self._stashes = [node.ins[0] for node in self._loop.body[:2]]

    def run(self) -> None:
        """All vectors, with the x and d of the benchmark."""
        for number, given in zip(self._stashes, (self.x, self.d), strict=True):
            self._frame.env[number] = given
        self._frame.step += 1
        engine = self.machine.values
        engine._loop(self._loop, self._frame, engine.tallies["train_step"])


def rank_one(w: np.ndarray, x: np.ndarray, d: np.ndarray, product: np.ndarray) -> None:
    """Add x⊗d for every pair, one after the other."""
    for row, column in zip(x, d, strict=True):
        np.multiply.outer(row, column, out=product)
        np.add(w, product, out=w)


def update_table(target: Target, repeats: int) -> list[Comparison]:
    """Print the first table."""
    print(f"{SIZE} x {SIZE}, {VECTORS} vectors, a transfer each, lr 0.01, {target.name}; ns a crosspoint")
    w, product = np.zeros((SIZE, SIZE), np.float32), np.empty((SIZE, SIZE), np.float32)
    found = []
    for rule in ("tiki-taka-v2", "c-ttv2", "agad"):
        fused, plain = Updates(rule, target, True), Updates(rule, target, False)
        works: dict[str, Callable[[], object]] = {
            "numpy": lambda given=fused: rank_one(w, given.x, given.d, product),  # type: ignore[misc]
            "fused": fused.run,
            "interpreted": plain.run,
        }
        seconds = take_turns(works, repeats)
        told = {name: 1e9 * statistics.median(each) / (SIZE * SIZE * VECTORS) for name, each in seconds.items()}
        shares = {
            name: statistics.median(n / s for n, s in zip(seconds["numpy"], seconds[name], strict=True))
            for name in ("fused", "interpreted")
        }
        print(
            f"  {rule:>16}  numpy {told['numpy']:.2f}  fused {told['fused']:.2f} ({shares['fused']:.3f} of numpy's "
            f"speed)  interpreted {told['interpreted']:.2f} ({shares['interpreted']:.3f})"
        )
        found.append(
            Comparison(f"update with transfers, {rule}", "numpy rank-1 updates", seconds["fused"], seconds["numpy"])
        )
    return found


class ChipNet:
    """The digits perceptron on a chip under a rule: values, clock and ledger, without evaluation."""

    def __init__(self, target: Target, rule: str) -> None:
        program = compile_model(MODEL, target, CompileOptions(rule=rule, packing="spread"))
        self.machine = Machine(program, target, 0)
        arguments = program.entries["train_step"].arguments
        self._names = [a.name for a in arguments if a.kind == "rows" and a.keep is None]
        self._step = self._epochs = 0
        self.machine.execute("program", {}, {}, 0)
        self.machine.close_epoch(0)

    def epoch(self, rows: Rows) -> None:
        """One pass over all rows, in batches."""
        for begin in range(0, len(rows), BATCH):
            given = rows.x[begin : begin + BATCH], rows.y[begin : begin + BATCH]
            scalars = {"lr": LR, "inv_batch": 1 / len(given[0]), "batch": len(given[0])}
            self.machine.execute("train_step", dict(zip(self._names, given, strict=True)), scalars, self._step)
            self._step += 1
        self._epochs += 1
        self.machine.close_epoch(self._epochs)


def epoch_table(target: Target, rules: list[str], repeats: int) -> list[Comparison]:
    """Print the second table."""
    train = load_data("digits", 0.0, 0.2, 0).train
    print(f"epoch of digits_mlp, batch {BATCH}, lr {LR}, {len(train)} rows, on {target.name}")
    net, found = NumpyNet(), []
    for rule in rules:
        chip = ChipNet(target, rule)
        works: dict[str, Callable[[], object]] = {
            "numpy": lambda: net.epoch(train),
            "chip": lambda on=chip: on.epoch(train),  # type: ignore[misc]
        }
        seconds = take_turns(works, repeats)
        compared = Comparison(f"digits epoch, {rule}", "numpy epoch", seconds["chip"], seconds["numpy"])
        print(f"  {rule:>16}  {1e3 * statistics.median(seconds['chip']):8.1f} ms  {compared.ratio:6.1f} x numpy")
        found.append(compared)
    return found


def main() -> None:
    """Print both tables."""
    parser = options(__doc__, 9)
    parser.add_argument("--target", default="rpu-2016", help="name or file")
    parser.add_argument("--rules", default=",".join(RULES), help="rules of the second table")
    asked = parser.parse_args()
    target = load(asked.target)
    with threadpool_limits(1):
        found = update_table(target, asked.repeats) + epoch_table(target, asked.rules.split(","), asked.repeats)
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
