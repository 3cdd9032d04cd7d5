"""One dense layer y = x·W with mean-square loss, so that d is known: the smallest model for rules."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.schema.target import Target

Matrix = NDArray[np.float32]


def one_layer(w: Matrix, positions: int | None = None) -> onnx.ModelProto:
    """y = x·W, without a bias, for one vector a sample or for several."""
    rows, cols = w.shape
    places = ["batch"] if positions is None else ["batch", positions]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*places, rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [*places, cols])],
        [numpy_helper.from_array(w, "W")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


class Trained:
    """The layer on a chip.

    Attributes:
        machine: what trains it.
        program: what it runs.
    """

    def __init__(
        self,
        w: Matrix,
        target: Target,
        rule: str,
        alpha: float = 1.0,
        seed: int = 0,
        positions: int | None = None,
        **options: Any,
    ) -> None:
        chosen = CompileOptions(
            loss="mse", rule=rule, rule_options=options, scaling=WeightScaling("fixed", alpha=alpha), packing="spread"
        )
        self.program = compile_model(one_layer(w, positions), target, chosen)
        self.machine = Machine(self.program, target, seed)
        self.machine.execute("program", {}, {}, 0)
        self._step = 0
        self._names = [
            a.name for a in self.program.entries["train_step"].arguments if a.kind == "rows" and a.keep is None
        ]

    def step(self, x: Matrix, wanted: Matrix, lr: float) -> None:
        """One training step."""
        n = len(x)
        rows = dict(zip(self._names, (x, wanted), strict=True))
        self.machine.execute("train_step", rows, {"lr": lr, "inv_batch": 1 / n, "batch": n}, self._step)
        self._step += 1

    def array(self, part: str = "") -> Matrix:
        """Logical weights of the main array or of one of the rule's."""
        names = [record.name for record in self.program.arrays]
        return self.machine.values.arrays[names.index("W" + (f".{part}" if part else ""))].weights()

    def states(self) -> Mapping[str, NDArray[Any]]:
        """What the rule remembers digitally, by part name."""
        return {
            record.name.removeprefix("W."): value
            for record, value in zip(self.program.states, self.machine.values.states, strict=True)
        }


def errors(x: Matrix, w: Matrix, wanted: Matrix) -> Matrix:
    """d of the mean-square loss: 2·(y − wanted)/(B·cols)."""
    return (x @ w - wanted) * np.float32(2 / wanted.size)
