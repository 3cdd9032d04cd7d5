"""A program's arrays as crossbars of a target's devices."""

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec
from ohmflow.runtime.devices.of_target import device_of
from ohmflow.runtime.machine.ageing_spec import ageing_spec, wear_spec
from ohmflow.runtime.machine.read_spec import read_spec
from ohmflow.runtime.machine.update_spec import update_spec
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
    device = device_of(target.device)
    read, update = read_spec(target), update_spec(target)
    ageing, wear = ageing_spec(target), wear_spec(target)
    conductance = target.device.conductance
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
            None if conductance is None else ConductanceSpec(conductance.min.si, conductance.max.si),
            seed,
            ageing,
            wear,
        )
        for number, record in enumerate(program.arrays)
    ]
