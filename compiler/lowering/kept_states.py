"""What a graph keeps from step to step beside its arrays: parameters, statistics, what an optimiser remembers."""

from dataclasses import dataclass

import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayInfo
from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.autodiff.training_graph import TrainingGraph


@dataclass(frozen=True)
class KeptState:
    """What kind of state an initialiser is, and whether the source model has it."""

    kind: str
    exported: bool = True


def kept_values(graph: ir.Graph, arrays: tuple[ArrayInfo, ...]) -> dict[str, KeptState]:
    """States of a graph that is not trained: what training could change, so that both bill them alike."""
    owned = {info.name for info in arrays}
    statistics = {v for n in graph if n.op_type == "BatchNormalization" for v in n.inputs[3:]}
    return {
        name: KeptState("statistic" if value in statistics else "parameter")
        for name, value in graph.initializers.items()
        if name not in owned and is_trainable(value)
    }


def trained_values(training: TrainingGraph) -> dict[str, KeptState]:
    """States of a graph that is trained: its parameters, then running statistics and what the optimiser remembers."""
    kept = {parameter.name: KeptState("parameter") for parameter in training.parameters}
    return kept | {state.name: KeptState(state.kind, state.exported) for state in training.states}
