"""Look inside a compiled program: where arrays are, the tile IR of a training step, what each unit executes.

    python examples/inspect_program.py [--target protonic-psg] [--set tile.crossbar.rows=64 …]

Ask for smaller tiles to see arrays cut into blocks.
"""

import argparse
from pathlib import Path

from ohmflow.compiler import compile_model
from ohmflow.compiler.program.disassembly import disassemble
from ohmflow.targets.registry import load

MODEL = Path(__file__).parent / "models" / "digits_mlp.onnx"


def entry_of(text: str, begin: str, end: str) -> str:
    """Cut one entry out of a text of several."""
    start = text.index(begin)
    stop = text.find(end, start + 1)
    return text[start : stop if stop >= 0 else len(text)].rstrip()


def main() -> None:
    """Compile, and print the mapping, the tile IR and the instructions of `train_step`."""
    parser = argparse.ArgumentParser(description="Look inside a compiled program.")
    parser.add_argument("--target", default="protonic-psg", help="name or file")
    parser.add_argument("--set", nargs="*", default=[], metavar="PATH=VALUE", help="changes to the target")
    asked = parser.parse_args()

    target = load(asked.target, dict(change.split("=", 1) for change in asked.set))
    program = compile_model(MODEL, target)

    print("== Mapping: [rows, columns] of an array on a tile, from a row and column of the tile on")
    for array in program.arrays:
        print(f"{array.name}: {array.rows} x {array.cols}, W = {array.alpha:.4g} * w")
        for b in array.blocks:
            part = f"[{b.row0}:{b.row0 + b.rows}, {b.col0}:{b.col0 + b.cols}]"
            print(f"  {part:<20} on tile {b.tile} at [{b.tile_row}, {b.tile_col}]")

    print("\n== Tile IR: the order of things, without wires and cycles")
    print(entry_of(program.tile_ir, "tile.entry @train_step", "\ntile."))

    print("\n== Instructions: what each unit executes")
    print(entry_of(disassemble(program), "entry train_step", "\nentry "))


if __name__ == "__main__":
    main()
