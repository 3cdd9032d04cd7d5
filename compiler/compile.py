"""`compile_model`: the whole way from an ONNX model to a program."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from onnx_ir.passes.common import RemoveUnusedNodesPass

from ohmflow.compiler.arrays.array_graph import ArrayGraph
from ohmflow.compiler.arrays.extract import extract_arrays
from ohmflow.compiler.autodiff.registry import losses, optimizers
from ohmflow.compiler.autodiff.training import inference_graph, training_graph
from ohmflow.compiler.autodiff.training_graph import TrainingGraph
from ohmflow.compiler.emit.assemble import assemble
from ohmflow.compiler.errors import CompilerError
from ohmflow.compiler.frontend.load import load_model
from ohmflow.compiler.frontend.stand_ins import timed_by_structure
from ohmflow.compiler.lowering.composites import expand
from ohmflow.compiler.lowering.functions import segments_model
from ohmflow.compiler.lowering.init import KINDS as INITS
from ohmflow.compiler.lowering.init import initialise
from ohmflow.compiler.lowering.lower import Lowered, LowerOptions, lower
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.compiler.lowering.source import source_for_export
from ohmflow.compiler.lowering.update_arrays import positions_of
from ohmflow.compiler.mapping.assign import assign
from ohmflow.compiler.mapping.grouping import stays_digital
from ohmflow.compiler.mapping.packing import PACKINGS
from ohmflow.compiler.mapping.placers import placers
from ohmflow.compiler.plugins import choose
from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import ArrayRecord, BlockRecord, Program
from ohmflow.compiler.rules.choosing import LayerRule, RuleChoice, decide, device_facts
from ohmflow.compiler.rules.protocol import part_symbol
from ohmflow.compiler.rules.setting import Layer
from ohmflow.compiler.tile.attributes import BlockTable
from ohmflow.compiler.tile.dialect import print_tile, verify_tile
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.passes import make_pipeline, run_pipeline
from ohmflow.compiler.tile.pipelining import write_versions
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.targets.capability import require_training
from ohmflow.targets.schema.target import Target

SCHEDULES = ("sequential", "pipelined")
"""How samples of a training step follow each other."""

MOST_DEPTH = 1024
"""Samples under way at once."""


@dataclass(frozen=True)
class CompileOptions:
    """Choices fixed when compiling.

    Attributes:
        loss: `cross-entropy` or `mse`.
        rule: update rule of the arrays.
        rule_options: of that rule, by name; those left out take their defaults.
        layer_rules: rules of some arrays, by patterns of their names; the first that matches counts.
        optimizer: of digital parameters.
        scaling: how weights are scaled to devices.
        packing: `share` or `spread`.
        placer: a registered placer.
        passes: a pipeline of passes on the tile IR, run before arrays get their tiles, such as `fuse-maps`.
        training: whether the program can train; without, models of several outputs are fine too.
        init: `stored`, `kaiming` or `xavier`: where initial weights are from (`ohmflow.compiler.lowering.init`).
        init_seed: of weights that are drawn.
        schedule: `sequential`: a step's batch is read at frozen weights, then updates; or `pipelined`: an update after
            each sample, and samples overlap (docs/pipelining.md).
        pipeline_depth: samples under way at once in a pipelined step; 0 for as many as the step has stages.
        structure: whether to put stand-ins in the place of operators that can not be trained; the program is then for
            an estimate alone.
    """

    loss: str = "cross-entropy"
    rule: str = "sgd"
    optimizer: str = "sgd"
    scaling: WeightScaling = field(default_factory=WeightScaling)
    packing: str = "share"
    placer: str = "snake"
    passes: str = ""
    training: bool = True
    init: str = "stored"
    init_seed: int = 0
    rule_options: Mapping[str, Any] = field(default_factory=dict)
    layer_rules: tuple[RuleChoice, ...] = ()
    structure: bool = False
    schedule: str = "sequential"
    pipeline_depth: int = 0

    def __post_init__(self) -> None:
        """Check the names before any work is done, whether or not the target will need them.

        Raises:
            ChoiceError: a name is not known; the nearest is offered.
            TileError: the pipeline of passes is wrong.
            CompilerError: the seed is out of range, or an option of a rule is wrong.
        """
        choose("--loss", self.loss, losses())
        for choice in (self.every_rule, *self.layer_rules):
            choice.make()
        choose("--optimizer", self.optimizer, optimizers())
        choose("--init", self.init, dict.fromkeys(INITS))
        if not 0 <= self.init_seed < 2**64:
            raise CompilerError(f"--init-seed: must be at least 0 and below 2^64, not {self.init_seed}; try 0")
        choose("--schedule", self.schedule, dict.fromkeys(SCHEDULES))
        if not 0 <= self.pipeline_depth <= MOST_DEPTH or (self.pipeline_depth and self.schedule != "pipelined"):
            raise CompilerError(
                f"--pipeline-depth: must be 1 to {MOST_DEPTH} with --schedule pipelined, and left out otherwise, not "
                f"{self.pipeline_depth} with --schedule {self.schedule}; try --schedule pipelined"
            )
        choose("--packing", self.packing, dict.fromkeys(PACKINGS))
        choose("--placer", self.placer, placers())
        make_pipeline(self.passes)

    @property
    def every_rule(self) -> RuleChoice:
        """The rule of the arrays that no pattern matches."""
        return RuleChoice(self.rule, self.rule_options)


@dataclass(frozen=True)
class Stages:
    """What each stage of a compilation gave, for `--emit` and for tests.

    Attributes:
        arrays: graph with arrays extracted.
        training: training graph, or None for a program that only infers.
        lowered: placed tile IR and what stands outside it.
        program: the program.
        rules: the rule of each array that is trained, with its options, derived and given.
    """

    arrays: ArrayGraph
    training: TrainingGraph | None
    lowered: Lowered
    program: Program
    rules: Mapping[str, LayerRule] = field(default_factory=dict)


def compile_model(
    source: str | Path | onnx.ModelProto, target: Target, options: CompileOptions | None = None
) -> Program:
    """Compile an ONNX model for a target.

    Args:
        source: an ONNX file, or a model in memory.
        target: what `ohmflow.targets.registry.load` gave.
        options: choices; the defaults if None.

    Returns:
        A program with the entries `program`, `infer` and, with `options.training`, `train_step`.

    Raises:
        CompilerError: the model can not be read (exit status 2) or is not supported (3).
        InfeasibleError: it does not fit the target.
        CapabilityError: the program shall train, and the target can not.
    """
    return compile_stages(source, target, options or CompileOptions()).program


def compile_stages(source: str | Path | onnx.ModelProto, target: Target, options: CompileOptions) -> Stages:
    """Compile, and keep what every stage gave; see `compile_model`."""
    name = source.graph.name if isinstance(source, onnx.ModelProto) else Path(source).name
    if options.training:
        require_training(target)
    model = load_model(source, structure=options.structure)
    replaced = timed_by_structure(model)
    initialise(model, options.init, options.init_seed)
    graph = extract_arrays(model, grouped=stays_digital(target, options.packing))
    training = training_graph(graph, options.loss, name, options.optimizer) if options.training else None
    values = {
        info.name: graph.model.graph.initializers[info.name].const_value.numpy()  # type: ignore[union-attr]
        for info in graph.arrays
    }
    alphas = options.scaling.alphas(values, target)
    verify = target.tile.program.mode == "write-verify"
    layer_rules = {} if training is None else _rules(graph, training, alphas, target, options)
    depth = options.pipeline_depth if options.schedule == "pipelined" else None
    lower_options = LowerOptions(options.rule, target.tile.update.scheme, alphas, verify, name, layer_rules, depth)
    step = None if training is None else _step_only(training)
    lowered = lower(graph.arrays, inference_graph(graph), step, lower_options)
    if options.passes:
        run_pipeline(lowered.module, options.passes)
    expand(lowered)
    if depth is not None and training is not None:
        _write_versions(lowered)
    placed = [op for op in lowered.module.body.block.ops if isinstance(op, ArrayOp)]
    blocks = assign({op.sym_name.data: op.shape for op in placed}, target, options.packing, options.placer)
    for op in placed:
        rows = [(b.row0, b.col0, b.rows, b.cols, b.tile, b.tile_row, b.tile_col) for b in blocks[op.sym_name.data]]
        op.properties["blocks"] = BlockTable.of(rows)
    verify_tile(lowered.module)
    exported, model_hash, is_source = source_for_export(source, graph, lowered)
    arrays = tuple(
        ArrayRecord(
            a.name,
            a.rows,
            a.cols,
            alphas[a.name],
            layer_rules[a.name].rule.name if a.name in layer_rules else options.rule,
            a.initializer if is_source else a.name,
            a.transposed and is_source,
            blocks[a.name],
            a.part if is_source else None,
        )
        for a in graph.arrays
    )
    arrays += _auxiliary(layer_rules, blocks)
    ports = {
        entry: (
            [v.name or "" for v in rows] + [_our_name(v.name, training) for v in scalars] + _batch(entry),
            [_our_name(v.name, training) if entry == "train_step" else v.name or "" for v in results],
        )
        for entry, (rows, scalars, results) in lowered.ports.items()
    }
    entries, chip, memory = assemble(lowered.module, arrays, lowered.states, lowered.segments, target, ports)
    if training is not None:
        entries["train_step"] = _with_masks(entries["train_step"], training, lowered.draws)
    program = Program(
        manifest=_manifest(name, model_hash, target, options, training, memory, layer_rules)
        | ({"timed_by_structure": replaced} if replaced else {}),
        arrays=arrays,
        states=tuple(lowered.states),
        segments=tuple(lowered.segments),
        entries=entries,
        chip=chip,
        weights=lowered.weights,
        tile_ir=print_tile(lowered.module),
        segments_onnx=segments_model(lowered.functions),
        source_onnx=exported,
    )
    return Stages(graph, training, lowered, program, layer_rules)


def _write_versions(lowered: Lowered) -> None:
    """Write on the reads of a pipelined step which version of their array they see."""
    for op in lowered.module.body.block.ops:
        if isinstance(op, EntryOp) and op.sym_name.data == "train_step":
            write_versions(op.block)


def _rules(
    graph: ArrayGraph, training: TrainingGraph, alphas: Mapping[str, float], target: Target, options: CompileOptions
) -> dict[str, LayerRule]:
    """The rule of each array."""
    positions = positions_of(training)
    layers = [
        Layer(a.name, a.rows, a.cols, alphas[a.name], len(positions[a.name]), positions[a.name]) for a in graph.arrays
    ]
    return decide(layers, device_facts(target), options.every_rule, options.layer_rules)


def _auxiliary(
    layer_rules: Mapping[str, LayerRule], blocks: Mapping[str, tuple[BlockRecord, ...]]
) -> tuple[ArrayRecord, ...]:
    """Records of the arrays that rules declared; no initialiser of the source is theirs."""
    found = []
    for name, layer in layer_rules.items():
        about = layer.setting.layer
        for part in layer.declaration.arrays:
            symbol = part_symbol(name, part.part)
            found.append(
                ArrayRecord(
                    symbol,
                    about.rows,
                    about.cols,
                    part.alpha,
                    layer.rule.name,
                    "",
                    False,
                    blocks[symbol],
                    layer=name,
                    gain=part.gain,
                )
            )
    return tuple(found)


def _step_only(training: TrainingGraph) -> TrainingGraph:
    """Leave out what no part of a training step uses, such as a final Softmax that the loss looks through."""
    model = training.model.clone()
    kept = [value for value in model.graph.outputs if value.name not in training.outputs]
    model.graph.outputs.clear()
    model.graph.outputs.extend(kept)
    RemoveUnusedNodesPass()(model)
    return replace(training, model=model)


def _with_masks(entry: Entry, training: TrainingGraph, draws: Mapping[str, float]) -> Entry:
    """Mark the arguments that the machine draws: masks of the model, and what rules asked for."""
    keep = {mask.name: mask.keep for mask in training.masks} | dict(draws)
    return replace(entry, arguments=tuple(replace(a, keep=keep.get(a.name)) for a in entry.arguments))


def _batch(entry: str) -> list[str]:
    return [] if entry == "program" else ["batch"]


def _our_name(name: str | None, training: TrainingGraph | None) -> str:
    """What a program calls the training graph's scalars and loss, which may have longer names there."""
    assert training is not None
    return {training.lr: "lr", training.inv_batch: "inv_batch", training.loss: "loss"}.get(name or "", name or "")


def _manifest(
    name: str,
    model_hash: str,
    target: Target,
    options: CompileOptions,
    training: TrainingGraph | None,
    memory: dict[str, dict[str, tuple[int, int, int]]],
    layer_rules: Mapping[str, LayerRule],
) -> dict[str, Any]:
    return {
        "model": name,
        "model_hash": model_hash,
        "target": target.name,
        "target_hash": target.content_hash,
        "loss": None if training is None else options.loss,
        "label": None if training is None else training.label.name,
        "rule": options.rule,
        "rules": {name: layer.as_json() for name, layer in layer_rules.items()},
        "optimizer": options.optimizer,
        "weight_scaling": {"kind": options.scaling.kind, "fill": options.scaling.fill, "alpha": options.scaling.alpha},
        "init": options.init,
        "init_seed": None if options.init == "stored" else options.init_seed,
        "packing": options.packing,
        "placer": options.placer,
        "passes": options.passes,
        "schedule": options.schedule,
        "memory": {entry: {unit: list(sizes) for unit, sizes in units.items()} for entry, units in memory.items()},
        "versions": {"ohmflow": version("ohmflow"), "onnx": onnx.__version__},
    }
