"""Handing arrays to their update rules, at the end of a training step."""

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.window_functions import is_windows, window_of
from ohmflow.compiler.arrays.work import row_dims
from ohmflow.compiler.autodiff.training_graph import TrainingGraph
from ohmflow.compiler.lowering.entry_builder import EntryBuilder
from ohmflow.compiler.lowering.rule_parts import composite_terms
from ohmflow.compiler.lowering.segments import is_array_operation
from ohmflow.compiler.rules.choosing import LayerRule
from ohmflow.compiler.rules.protocol import MAIN, SiteFactors, UpdateContext, part_symbol


def update_arrays(
    builder: EntryBuilder,
    training: TrainingGraph,
    updates: list[ir.Node],
    lr: ir.Value,
    draws: Mapping[str, ir.Value],
    rules: Mapping[str, LayerRule],
    scheme: str,
) -> None:
    """Hand each array to its rule, the last one read first.

    Args:
        builder: of the entry; all samples were read forward and backward.
        training: the training graph.
        updates: its update nodes.
        lr: learning rate.
        draws: random arguments by symbol.
        rules: of the arrays.
        scheme: pulse scheme of the target.
    """
    for info in reversed(training.arrays):
        sites = []
        for node in updates:
            if node.attributes["array"].as_string() == info.name:
                x, d = node.inputs[1], node.inputs[2]
                assert x is not None and d is not None
                taken = x.producer()
                window = window_of(taken) if taken is not None and is_windows(taken) else None
                number = node.attributes["site"].as_int()
                factors = builder.value(held(x)), builder.value(d)
                sites.append(SiteFactors(number, *factors, _positions(d), window))
        if sites:
            _update_array(builder, info.name, sorted(sites, key=lambda s: s.site), lr, draws, rules[info.name], scheme)


def _update_array(
    builder: EntryBuilder,
    name: str,
    sites: Sequence[SiteFactors],
    lr: ir.Value,
    draws: Mapping[str, ir.Value],
    layer: LayerRule,
    scheme: str,
) -> None:
    """Let one array's rule append its operations, on versions of everything that it declared."""
    read = composite_terms(name, layer) if layer.declaration.composite else {name: 1.0}
    symbols = {MAIN: name}
    declared = layer.declaration
    for part in [*(a.part for a in declared.arrays), *(s.part for s in declared.states)]:
        symbols[part] = part_symbol(name, part)
        if symbols[part] not in builder.versions:
            builder.open(symbols[part])
    tokens = builder.dones[name]
    last = layer.rule.lower(
        UpdateContext(
            block=builder.block,
            array=name,
            scheme=scheme,
            setting=layer.setting,
            declaration=layer.declaration,
            versions={part: builder.versions[symbol] for part, symbol in symbols.items()},
            sites=sites,
            lr=builder.value(lr),
            batch=builder.batch,
            tokens={part: tokens if symbol in read else [] for part, symbol in symbols.items()},
            draws={d.part: builder.value(draws[part_symbol(name, d.part)]) for d in layer.declaration.draws},
        )
    )
    for part, version in last.items():
        builder.versions[symbols[part]] = version


def positions_of(training: TrainingGraph) -> dict[str, tuple[int, ...]]:
    """Vectors a sample at each site of each array, in the order of the sites."""
    found: dict[str, dict[int, int]] = {info.name: {} for info in training.arrays}
    for node in training.model.graph:
        if node.op_type == "update" and is_array_operation(node):
            d = node.inputs[2]
            assert d is not None
            found[node.attributes["array"].as_string()][node.attributes["site"].as_int()] = _positions(d) or 1
    return {name: tuple(at for _, at in sorted(sites.items())) for name, sites in found.items()}


def _positions(d: ir.Value) -> int | None:
    shape = row_dims(d)
    return shape[0] if len(shape) == 2 else None


def held(value: ir.Value) -> ir.Value:
    """What is kept of a factor until its update: of windows, the image that they are taken from."""
    node = value.producer()
    image = node.inputs[0] if node is not None and is_windows(node) else None
    return value if image is None else image
