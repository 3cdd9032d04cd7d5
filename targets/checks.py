"""Checks across the keys of a target: what no single value can show to be wrong.

They look at values one by one through a `View`, so that they can be made on a target of which other parts are wrong,
and every mistake is reported at once.
"""

from collections.abc import Iterator

from ohmflow.targets.cell_checks import cells
from ohmflow.targets.cost_checks import costs, not_modelled
from ohmflow.targets.dram_checks import dram
from ohmflow.targets.half_select_checks import half_select
from ohmflow.targets.inventory_checks import executes, inventory, validation
from ohmflow.targets.network_checks import network
from ohmflow.targets.read_checks import reads
from ohmflow.targets.schema.coverage import covers
from ohmflow.targets.schema.updating import LONGEST_TRAIN
from ohmflow.targets.view import Fault, View


def check(view: View) -> list[Fault]:
    """All faults across keys, in order of the sections."""
    own = (executes, _device, cells, half_select, _ageing, _converters, _sequencing, _memories, _chip, dram, _time)
    groups = (*own, network, reads, inventory, validation, not_modelled, costs)
    return [fault for group in groups for fault in group(view)]


def _device(view: View) -> Iterator[Fault]:
    low, high = view.quantity("device.conductance.min"), view.quantity("device.conductance.max")
    if low is not None and high is not None and not low < high:
        yield Fault(
            "device.conductance.max",
            f"device.conductance.max must be above device.conductance.min ({low}), not '{high}'; exchange the two",
        )
    needed = view.timed or not covers(view.not_modelled, "energy")
    if view.pulsed and needed and not view.given("device.pulse"):
        text = "device.pulse must be given for a device that is pulsed, not left out; add 'pulse: {…}'"
        yield Fault("device", text, ("device.pulse",))
    converters = [path for path in ("tile.dac", "tile.adc") if view.given(path)]
    if view.value("device.model") == "ideal" and converters:
        yield Fault(
            "device.model",
            f"device.model must be a pulsed one on a tile with {' and '.join(converters)}, not 'ideal', which is read "
            "without converters; remove them, or write 'constant-step'",
        )
    length = view.value("tile.update.train_length")
    if view.pulsed and length is not None and not 1 <= length <= LONGEST_TRAIN:
        yield Fault(
            "tile.update.train_length",
            f"tile.update.train_length must be from 1 to {LONGEST_TRAIN} for a device that is pulsed, not '{length}'; "
            "write one such as 31",
        )


def _ageing(view: View) -> Iterator[Fault]:
    for path in ("device.retention", "device.drift", "device.diffusion", "device.endurance"):
        if not view.given(path):
            continue
        model = view.value("device.model")
        if model and not view.pulsed:
            yield Fault(path, f"{path} must be left out for device.model '{model}', which has no pulses; remove it")
        elif not view.timed and path != "device.endurance":
            yield Fault(
                path,
                f"{path} must be left out where time is not modelled, since it counts in seconds; remove it, or give "
                "the target a clock and take 'time' from not_modelled",
            )


def _converters(view: View) -> Iterator[Fault]:
    if view.value("tile.transposable") is False and view.value("tile.adc.banks") == 2:
        yield Fault(
            "tile.adc.banks",
            "tile.adc.banks must be 1 where tile.transposable is false, not '2'; write 1",
        )
    rows, cols, shared = (view.value(f"tile.{p}") for p in ("crossbar.rows", "crossbar.cols", "adc.shared_by"))
    if rows and cols and shared and shared > max(rows, cols):
        yield Fault(
            "tile.adc.shared_by",
            f"tile.adc.shared_by must be at most the {max(rows, cols)} lines of a side, not '{shared}'; "
            f"write one such as {max(rows, cols)}",
        )
    if view.value("tile.read.bound_management") == "iterative" and not view.given("tile.adc"):
        yield Fault(
            "tile.read.bound_management",
            "tile.read.bound_management must be none where there is no tile.adc to clip, not 'iterative'; write 'none'",
        )


def _sequencing(view: View) -> Iterator[Fault]:
    if view.value("tile.read.bound_management") == "iterative" and view.value("tile.read.max_retries") == 0:
        yield Fault(
            "tile.read.max_retries",
            "tile.read.max_retries must be at least 1 where bound_management is iterative, not '0'; "
            "write one such as 4, or 'bound_management: none'",
        )
    if view.value("tile.program.mode") != "write-verify":
        return
    for key in ("rounds", "pulses_per_round"):
        if view.value(f"tile.program.{key}") == 0:
            yield Fault(
                f"tile.program.{key}",
                f"tile.program.{key} must be at least 1 where mode is write-verify, not '0'; "
                "write one such as 10, or 'mode: ideal'",
            )


def _memories(view: View) -> Iterator[Fault]:
    word = view.quantity("chip.vector_unit.word")
    if word is None:
        return
    if word.value % 8:
        yield Fault(
            "chip.vector_unit.word",
            f"chip.vector_unit.word must be a multiple of 8 bit, not '{word}'; write one such as '16 bit'",
        )
    size, vectors = view.quantity("tile.buffer.size"), view.value("tile.buffer.vectors")
    rows, cols = view.value("tile.crossbar.rows"), view.value("tile.crossbar.cols")
    if size is None or not vectors or not rows or not cols:
        return
    need = word * (max(rows, cols) * vectors)
    if size < need:
        yield Fault(
            "tile.buffer.size",
            f"tile.buffer.size must hold {vectors} vectors of {max(rows, cols)} words, {need}, not '{size}'; "
            "enlarge it, or lower tile.buffer.vectors",
        )


def _chip(view: View) -> Iterator[Fault]:
    unlimited = bool(view.value("tile.unlimited"))
    if unlimited and view.given("chip"):
        yield Fault(
            "tile.unlimited",
            "tile.unlimited must be false where a chip says how many tiles there are, not 'true'; remove one of them",
        )
    if not unlimited and not view.given("chip"):
        yield Fault(
            "chip",
            "chip must be given, not left out, unless there are as many tiles as needed; "
            "add 'chip:', or 'unlimited: true' under tile",
            ("chip",),
        )
    mesh, node = view.value("chip.mesh"), view.value("chip.host.node")
    if mesh and node and not (node[0] < mesh[0] and node[1] < mesh[1]):
        yield Fault(
            "chip.host.node",
            f"chip.host.node must lie on the mesh of {mesh[0]} x {mesh[1]}, not at [{node[0]}, {node[1]}]; "
            f"write x up to {mesh[0] - 1} and y up to {mesh[1] - 1}",
        )


_TIMED = (
    ("tile.read.integration", "80 ns"),
    ("tile.adc", "{…}"),
    ("tile.adc.rate", "200 MHz"),
    ("tile.buffer", "{…}"),
    ("chip", "{…}"),
)


def _time(view: View) -> Iterator[Fault]:
    if not view.timed:
        if view.given("chip"):
            yield Fault(
                "not_modelled",
                "not_modelled must not hold 'time' on a target with a chip, whose clock runs; remove it, or the chip",
            )
        return
    for path, sample in _TIMED:
        section, _, key = path.rpartition(".")
        if view.given(path) or (section and not view.section(section)):
            continue
        if path == "chip" and not view.value("tile.unlimited"):
            continue  # said by the check of the chip
        yield Fault(
            section or "not_modelled",
            f"{path} must be given where time is modelled, not left out; "
            f"add '{key}: {sample}', or list 'time' under not_modelled",
            (path,),
        )
    if view.value("tile.update.setup") == 0 and view.pulsed:
        yield Fault(
            "tile.update.setup",
            "tile.update.setup must be at least 1 cycle where time is modelled, not '0'; write one such as 1",
        )
