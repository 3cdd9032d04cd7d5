"""Emitting the programming of an array: its blocks, each by its own tile."""

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.stream_writer import StreamWriter
from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.compiler.program.schedule import COUNTED, PHASES
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.compiler.tile.transfer import ProgramOp


def program_blocks(
    op: ProgramOp, array: ArrayRecord, number: int, group: int, write: StreamWriter, costing: Costing
) -> None:
    """Write and verify every block of an array.

    Args:
        op: that asks for it.
        array: with its blocks.
        number: of the array.
        group: count group of the rounds, one for each block.
        write: writes the streams.
        costing: cycles on the target.
    """
    for k, block in enumerate(array.blocks):
        setup, per_round = costing.program(block.cols)
        write.add(
            ("tile", block.tile),
            op,
            mnemonic=Mnemonic.PROGRAM,
            kind=COUNTED,
            phase=PHASES.index("program"),
            t0=setup,
            t1=per_round,
            group=group,
            offset=k,
            array=number,
            block=k,
        )
