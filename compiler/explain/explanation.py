"""What `explain` returns: a row for each node of the user's model, refusals, sums."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ohmflow.compiler.program.residence import UnitMemory

Fate = Literal["array", "digital", "folded", "removed", "refused", "undecided"]
"""Where a node goes: to crossbars; to vector units; computed when compiling; left out as it does nothing; nowhere,
since it is refused; or not known, since something else is refused."""


@dataclass(frozen=True)
class ArrayPlace:
    """One array of a node.

    Attributes:
        name: of the array.
        rows: inputs of a forward read.
        cols: outputs of a forward read.
        blocks: how many pieces it is cut into, none larger than a tile.
        tiles: on which tiles they are; empty when the model does not fit.
    """

    name: str
    rows: int
    cols: int
    blocks: int
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class NodeRow:
    """One node of the user's model, under its own name.

    Attributes:
        node: its name; `Operator.output` when it has none.
        operator: its type, with its domain if that is not ONNX's own.
        fate: where it goes.
        why: the reason, the end of a sentence.
        arrays: its arrays; several for a convolution in groups.
        weights: numbers on these arrays; an array that several nodes read counts for each.
        parameters: numbers that a digital optimiser trains and that this node reads.
        macs: multiply-accumulates of a matrix product or convolution for one sample, forward.
        operations: other elements that a vector unit computes for one sample, forward.
        trained_by: such as `rule sgd` and `optimiser adam`; empty when nothing of it is trained.
    """

    node: str
    operator: str
    fate: Fate
    why: str
    arrays: tuple[ArrayPlace, ...] = ()
    weights: int = 0
    parameters: int = 0
    macs: int = 0
    operations: int = 0
    trained_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Something that can not be done.

    Attributes:
        node: which node asks for it, or None when it is the model as a whole.
        missing: what it would take.
        instead: the nearest thing that works.
        sentence: all of it, as the error says it.
    """

    node: str | None
    missing: str
    instead: str
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """What becomes of a model on a target.

    Attributes:
        model: name of its file.
        target: name of the target.
        loss: what is minimised, or None for a program that only infers.
        nodes: in the order of the model.
        refusals: all that were found; empty when the model compiles.
        weights: on arrays, each array once.
        parameters: numbers that a digital optimiser trains, each once.
        tiles: how many tiles hold arrays; None when the model is refused.
        rules: of each array that is trained, its rule, options, what was derived and why, and memory per weight.
        memory: what units keep in a training step (or inference) of one sample; empty without time.
        has_dram: whether what does not fit can go to DRAM.
    """

    model: str
    target: str
    loss: str | None
    nodes: tuple[NodeRow, ...]
    refusals: tuple[Refusal, ...]
    weights: int
    parameters: int
    tiles: int | None
    rules: Mapping[str, Any] = field(default_factory=dict)
    memory: tuple[UnitMemory, ...] = ()
    has_dram: bool = False

    def macs(self, fate: Fate) -> int:
        """Multiply-accumulates of one sample, forward, of nodes of this fate."""
        return sum(row.macs for row in self.nodes if row.fate == fate)

    @property
    def operations(self) -> int:
        """Elements of one sample, forward, that vector units compute beside products."""
        return sum(row.operations for row in self.nodes)

    @property
    def digital_share(self) -> float | None:
        """Share of the forward work that stays digital; a multiply-accumulate is two operations. None of no work."""
        digital = 2 * self.macs("digital") + self.operations
        work = digital + 2 * self.macs("array")
        return digital / work if work else None

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return {
            "model": self.model,
            "target": self.target,
            "loss": self.loss,
            "nodes": [asdict(row) for row in self.nodes],
            "refusals": [asdict(refusal) for refusal in self.refusals],
            "weights_on_arrays": self.weights,
            "digital_parameters": self.parameters,
            "macs_on_arrays": self.macs("array"),
            "macs_digital": self.macs("digital"),
            "operations_digital": self.operations,
            "digital_share": self.digital_share,
            "tiles": self.tiles,
            "rules": dict(self.rules),
            "memory": [asdict(unit) for unit in self.memory],
        }
