"""Case k of the mutated models: the same bytes every time, for `tests/fuzz/worker.py` to compile.

python -m tests.fuzz.mutate_models 1234 case.onnx       writes case 1234 and says what was done to it
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.bases import model, model_names
from tests.fuzz.model_mutations import MUTATIONS
from tests.fuzz.protobuf_mutations import mutate_field

COUNT = 5000
_SEED = 20_000_000


@dataclass(frozen=True)
class Mutant:
    """A mutated file.

    Attributes:
        data: its bytes.
        told: what was done to which base.
    """

    data: bytes
    told: str


def mutant(case: int) -> Mutant:
    """Make case `case`: bytes (a fifth), fields of protobuf (two fifths), or one or two mutations that know ONNX."""
    draws = Random(_SEED + case)
    names = model_names()
    base = names[draws.randrange(len(names))]
    proto = model(base)
    kind = draws.random()
    if kind < 0.2:
        data, told = _bytes(proto.SerializeToString(deterministic=True), draws)
        return Mutant(data, f"{base}: {told}")
    if kind < 0.55:
        steps = [mutate_field(proto, draws) for _ in range(draws.choice((1, 1, 2, 3)))]
    else:
        # Every mutation comes round, whatever is drawn.
        known = list(MUTATIONS)
        steps = [known[case % len(known)]] + ([draws.choice(known)] if draws.random() < 0.25 else [])
        for name in steps:
            MUTATIONS[name](proto, draws)
    return Mutant(proto.SerializeToString(), f"{base}: {', '.join(steps)}")


def _bytes(data: bytes, draws: Random) -> tuple[bytes, str]:
    changed = bytearray(data)
    action = draws.choice(("bit", "byte", "cut", "lose", "insert", "double", "noise"))
    # Beginnings and ends hold the structure, the middle of a large file mostly weights.
    near = min(len(changed), 600)
    place = draws.choice(
        (draws.randrange(len(changed)), draws.randrange(near), len(changed) - 1 - draws.randrange(near))
    )
    match action:
        case "bit":
            for _ in range(draws.choice((1, 1, 3, 20))):
                changed[place] ^= 1 << draws.randrange(8)
                place = draws.randrange(near) if draws.random() < 0.5 else draws.randrange(len(changed))
        case "byte":
            changed[place] = draws.choice((0, 1, 0x7F, 0x80, 0xFF, draws.randrange(256)))
        case "cut":
            del changed[place:]
        case "lose":
            del changed[place : place + draws.choice((1, 2, 8, 100))]
        case "insert":
            changed[place:place] = bytes(draws.randrange(256) for _ in range(draws.choice((1, 4, 30))))
        case "double":
            changed += changed[: draws.choice((place, near))]
        case "noise":
            changed = bytearray(draws.randbytes(draws.choice((1, 10, 1000))))
    return bytes(changed), f"{action} at {place}"


if __name__ == "__main__":
    made = mutant(int(sys.argv[1]))
    Path(sys.argv[2]).write_bytes(made.data)
    print(made.told)
