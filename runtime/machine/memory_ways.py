"""What a program keeps in a memory that is too small because of a rule's digital matrices, and the ways out."""

from ohmflow.compiler.program.program import Program


def dram_ways(program: Program) -> tuple[str, ...]:
    """The way out of a memory that is too small which DRAM is, where the chip has none."""
    if any(unit.kind == "dram" for unit in program.chip.units):
        return ()
    return ("give the chip DRAM (chip.dram, as protonic-psg-hbm2 has)",)


def ways_of_matrices(program: Program, fixed: int, size: int, word_bytes: int) -> tuple[str, tuple[str, ...]]:
    """Name the digital matrices that a memory is filled with, and what may be done.

    Matrices of one layer stand together on one vector unit; the largest that can be there are named.

    Args:
        program: with its states.
        fixed: bytes that the unit keeps whatever the batch.
        size: of its memory, bytes.
        word_bytes: of an element.

    Returns:
        A phrase such as "of it 602,112 bytes for fc1.weight's H of [784, 256], …", or nothing; and the ways out.
    """
    bytes_of: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    for state in program.states:
        if state.kind != "hidden" or len(state.shape) != 2:
            continue
        layer, _, part = state.name.rpartition(".")
        bytes_of[layer] = bytes_of.get(layer, 0) + state.shape[0] * state.shape[1] * word_bytes
        names.setdefault(layer, []).append(f"{part} of {list(state.shape)}")
    there = [layer for layer, held in bytes_of.items() if held <= fixed]
    if not there:
        return "", ()
    largest = max(there, key=lambda layer: bytes_of[layer])
    if 2 * bytes_of[largest] < fixed and bytes_of[largest] <= size:
        return "", ()
    ways = (
        f"give the vector units more memory (--set chip.vector_unit.scratchpad.size='{-(-fixed // 2**20) + 1} MiB')",
        f"choose a rule with fewer digital words a weight for it (--layer-rule '{largest}=shd')",
        "make the layer smaller",
    )
    return f", of it {bytes_of[largest]:,} for the rule of '{largest}': {', '.join(names[largest])}", ways
