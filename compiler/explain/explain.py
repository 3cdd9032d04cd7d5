"""`explain`: compile a model, and tell for each of its nodes where it went and why.

Work is counted as the machine bills it (`ohmflow.compiler.arrays.work`), forward, for one sample. Nodes are those of
the source with model-local functions written out in place; what the compiler adds for its own (windows, transposes,
the way back) has no row.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.array_graph import ArrayGraph, ArrayInfo
from ohmflow.compiler.arrays.extract import extract_arrays
from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.arrays.work import node_work, row_dims
from ohmflow.compiler.compile import CompileOptions, compile_stages
from ohmflow.compiler.errors import CompilerError
from ohmflow.compiler.explain.explanation import ArrayPlace, Explanation, NodeRow
from ohmflow.compiler.explain.refusals import refusals_of
from ohmflow.compiler.explain.source_nodes import SourceNode, SourceNodes
from ohmflow.compiler.frontend.load import load_model
from ohmflow.compiler.mapping.blocks import cut
from ohmflow.compiler.mapping.grouping import stays_digital
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.residence import UnitMemory, residence
from ohmflow.targets.schema.target import Target

_PRODUCTS = ("MatMul", "Gemm", "Conv")
_REFUSED = 3
"""Exit status of what is sound but can not be done; anything else is an error and no explanation."""


def explain(
    source: str | Path | onnx.ModelProto, target: Target, options: CompileOptions | None = None
) -> tuple[Explanation, Exception | None]:
    """Compile a model and explain what became of it.

    Args:
        source: an ONNX file, or a model in memory.
        target: what `ohmflow.targets.registry.load` gave.
        options: as for `compile_model`.

    Returns:
        The explanation, and the error that compiling ends in, or None when it ends in a program.

    Raises:
        CompilerError: the model can not be read or is not sound (exit status 2), or is refused as a whole before its
            nodes are known (3), such as for its opset: there is nothing to explain.
    """
    options = options or CompileOptions()
    watched = SourceNodes()
    graph: ArrayGraph | None = None
    program: Program | None = None
    error: Exception | None = None
    try:
        model = load_model(source, watched.watch)
        graph = extract_arrays(model, grouped=stays_digital(target, options.packing))
        program = compile_stages(source, target, options).program
    except Exception as refused:
        if getattr(refused, "exit_status", None) != _REFUSED or not watched.nodes:
            raise
        error = refused
    told = _Teller(watched, graph, program, target, options)
    refusals = () if error is None else refusals_of(error, watched.model)
    refused_nodes: dict[str, str] = {}
    for refusal in refusals:
        if refusal.node is not None:
            refused_nodes.setdefault(refusal.node, f"{refusal.missing}; {refusal.instead}")
    own = _results(source)
    rows = tuple(
        told.row(node, refused_nodes)
        for node in watched.nodes
        if node.op_type != "Constant" or own.intersection(node.outputs)  # a conversion to another opset adds constants
    )
    if len(refusals) > 1:
        error = _Refused("\n".join(refusal.sentence for refusal in refusals))
    name = source.graph.name if isinstance(source, onnx.ModelProto) else Path(source).name
    return (
        Explanation(
            name,
            target.name,
            options.loss if options.training else None,
            rows,
            refusals,
            0 if graph is None else sum(a.rows * a.cols for a in graph.arrays),
            told.parameters(),
            None if program is None else len({b.tile for a in program.arrays for b in a.blocks}),
            {} if program is None else program.manifest["rules"],
            () if program is None else _memory(program),
            target.chip is not None and target.chip.dram is not None,
        ),
        error,
    )


def _memory(program: Program) -> tuple[UnitMemory, ...]:
    """What units keep of one sample, in training where the program trains."""
    if program.chip.clock_hz is None:
        return ()
    return residence(program, "train_step" if "train_step" in program.entries else "infer", 1)


def _results(source: str | Path | onnx.ModelProto) -> set[str]:
    """Names of what the source's own nodes compute."""
    proto = source if isinstance(source, onnx.ModelProto) else onnx.load(source, load_external_data=False)
    return {name for node in proto.graph.node for name in node.output}


class _Refused(CompilerError):
    """All refusals of a model."""

    exit_status = _REFUSED


@dataclass(frozen=True)
class _Teller:
    """What the stages left behind, for the rows."""

    watched: SourceNodes
    graph: ArrayGraph | None
    program: Program | None
    target: Target
    options: CompileOptions

    def row(self, node: SourceNode, refused: dict[str, str]) -> NodeRow:
        """Tell what became of a node."""
        if node.name in refused:
            return NodeRow(node.name, node.operator, "refused", refused[node.name])
        if node.name in self.watched.gone:
            fate, why = self.watched.gone[node.name]
            return NodeRow(node.name, node.operator, fate, why)
        if self.graph is None:
            return NodeRow(node.name, node.operator, "undecided", "not decided, since other nodes are refused")
        found = self._found(node)
        arrays = [info for info in self.graph.arrays if _reads(info, node.name)]
        parameters = self._parameters(found, {info.initializer for info in arrays})
        trained = self._trained(arrays, parameters)
        macs, operations = _work(found)
        if arrays:
            operations += sum(prod(row_dims(n.outputs[0])) for n in found if _has_bias(n))
            places = tuple(self._place(info) for info in arrays)
            weights = sum(place.rows * place.cols for place in places)
            why = self._why_array(arrays)
            return NodeRow(
                node.name, node.operator, "array", why, places, weights, parameters, macs, operations, trained
            )
        why = dict(self.graph.digital).get(node.name) or _why_digital(node, found, parameters)
        return NodeRow(node.name, node.operator, "digital", why, (), 0, parameters, macs, operations, trained)

    def parameters(self) -> int:
        """Numbers that the digital optimiser trains."""
        if self.graph is None:
            return 0
        model = self.graph.model
        arrays = {info.name for info in self.graph.arrays}
        return sum(
            prod(value.const_value.shape.numpy())
            for value in model.graph.initializers.values()
            if value.name not in arrays and is_trainable(value) and value.const_value is not None and _is_trained(value)
        )

    def _found(self, node: SourceNode) -> list[ir.Node]:
        """The node as the front end left it; a Split is several Slices."""
        assert self.watched.model is not None, "there are nodes only when there is a model"
        nodes = list(self.watched.model.graph)
        return [n for n in nodes if n.name == node.name] or [n for n in nodes if n.outputs[0].name in node.outputs]

    def _parameters(self, found: list[ir.Node], arrays: set[str]) -> int:
        """Trained numbers that the node reads beside its arrays."""
        values = {v.name: v for n in found for k, v in enumerate(n.inputs) if v is not None and _trains(n, k, v)}
        return sum(prod(row_dims(v)) for name, v in values.items() if name not in arrays)

    def _trained(self, arrays: list[ArrayInfo], parameters: int) -> tuple[str, ...]:
        if not self.options.training:
            return ()
        decided = {} if self.program is None else self.program.manifest["rules"]
        names = dict.fromkeys(
            decided[info.name]["rule"] if info.name in decided else self.options.rule for info in arrays
        )
        rule = tuple(f"rule {name}" for name in names)
        return rule + ((f"optimiser {self.options.optimizer}",) if parameters else ())

    def _place(self, info: ArrayInfo) -> ArrayPlace:
        crossbar = self.target.tile.crossbar
        records = [] if self.program is None else [a for a in self.program.arrays if a.name == info.name]
        tiles = sorted({block.tile for record in records for block in record.blocks})
        blocks = len(cut(info.rows, info.cols, crossbar.rows, crossbar.weight_cols))
        return ArrayPlace(info.name, info.rows, info.cols, blocks, tuple(tiles))

    def _why_array(self, arrays: list[ArrayInfo]) -> str:
        why = f"samples meet the trained weight '{arrays[0].initializer}'"
        if len(arrays) > 1:
            why += f", an array for each of its {len(arrays)} groups"
        if len(arrays[0].nodes) > 1:
            why += f", which {len(arrays[0].nodes)} nodes read"
        return why


def _reads(info: ArrayInfo, node: str) -> bool:
    """Whether the node reads the array; a group's site is called after the node and the group."""
    if info.part is None:
        return node in info.nodes
    return any(site.rpartition(".g")[0] == node for site in info.nodes)


def _work(found: list[ir.Node]) -> tuple[int, int]:
    """Multiply-accumulates, and other operations of a vector unit."""
    macs = operations = 0
    for node in found:
        work = node_work(node)
        if work is None:
            continue
        if node.op_type in _PRODUCTS:
            macs += work[1] // 2
        else:
            operations += work[1]
    return macs, operations


def _has_bias(node: ir.Node) -> bool:
    return node.op_type in ("Gemm", "Conv") and len(node.inputs) > 2 and node.inputs[2] is not None


def _trains(node: ir.Node, operand: int, value: ir.Value) -> bool:
    """Whether training changes what the node reads as this operand; running statistics are not trained."""
    return is_trainable(value) and not (node.op_type == "BatchNormalization" and operand in (3, 4))


def _is_trained(value: ir.Value) -> bool:
    return any(_trains(node, operand, value) for node, operand in value.uses())


def _why_digital(node: SourceNode, found: list[ir.Node], parameters: int) -> str:
    if node.op_type == "Split":
        return "it chooses elements: a Slice for each part"
    if node.op_type == "BatchNormalization":
        return "its gains and shifts work element by element; training follows its running statistics"
    if node.op_type == "Dropout":
        return "in training it drops what the machine draws, in inference it does nothing"
    if parameters:
        return "its parameters work element by element, not as a matrix"
    if all(node_work(n) is None for n in found):
        return "it only renames elements, and takes no time"
    return "it has no weights"
