"""A program's arrays as crossbars of a target's devices."""

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec
from ohmflow.runtime.devices.of_target import cell_of
from ohmflow.runtime.machine.ageing_spec import ageing_spec, wear_spec
from ohmflow.runtime.machine.read_spec import read_spec
from ohmflow.runtime.machine.update_spec import update_spec
from ohmflow.targets.cells import layout_of
from ohmflow.targets.schema.target import Target


def make_arrays(program: Program, target: Target, seed: int) -> list[CrossbarArray]:
    """Make the arrays, with w = 0.

    Args:
        program: whose arrays.
        target: the chip.
        seed: of all draws.

    Returns:
        One array for each of the program's.
    """
    device = cell_of(target)
    read, update = read_spec(target), update_spec(target)
    ageing, wear = ageing_spec(target), wear_spec(target)
    window = target.device.conductance
    conductance = None
    if window is not None:
        conductance = ConductanceSpec(window.min.si, window.max.si, layout_of(target).conducting)
    return [
        CrossbarArray(
            record.name,
            number,
            record.rows,
            record.cols,
            record.alpha,
            device,
            tuple(Block(b.row0, b.col0, b.rows, b.cols) for b in record.blocks),
            read,
            update,
            conductance,
            seed,
            ageing,
            wear,
        )
        for number, record in enumerate(program.arrays)
    ]
