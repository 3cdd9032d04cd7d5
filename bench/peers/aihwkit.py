"""The same work on IBM's aihwkit: pulsed updates, reads, and an epoch of the digits perceptron.

    python bench/peers/aihwkit.py [--repeats 15]

Both take turns in one process, on one thread each. aihwkit is not a dependency and has to be installed beside ohmflow
(`pip install aihwkit`; it needs PyTorch, and a C++ compiler where there is no wheel). This script follows the interface
of aihwkit 1.2 (`AnalogTile`, `SingleRPUConfig`, `AnalogLinear`, `AnalogSGD`); it was written without a copy of aihwkit
that could be run, so mend it where it fails.

The device is `constant-step` with aihwkit's own defaults on both sides: steps of 0.001 with 30 % spread between devices
and between pulses, bounds of ±0.6 with 30 % spread, 7-bit inputs, 9-bit outputs with noise 0.06 and bound 12, trains of
at most 31 slots with both managements. Draws differ, so values agree on average only. In the epoch, ohmflow's side also
runs the clock and the ledger, which aihwkit has not.
"""

import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `import aihwkit` is to find the library and not this file; the benchmarks' own modules are a folder up.
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place).resolve() != HERE)]

import numpy as np
from comparison import Comparison, deliver, options, take_turns
from epoch import BATCH as EPOCH_BATCH
from epoch import LR as EPOCH_LR
from epoch import ChipNet
from read_kernel import make_array
from threadpoolctl import threadpool_limits
from update_kernel import BATCH, SIZE

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import DrawSite
from ohmflow.runtime.training.data import load_data
from ohmflow.targets.registry import load

NOT_INSTALLED = 3
"""Exit status where there is no aihwkit: nothing is wrong, and nothing was measured."""

LAYERS = ((64, 256), (256, 128), (128, 10))

try:
    import torch
    from aihwkit.nn import AnalogLinear, AnalogSequential
    from aihwkit.optim import AnalogSGD
    from aihwkit.simulator.configs import ConstantStepDevice, SingleRPUConfig
    from aihwkit.simulator.tiles.analog import AnalogTile
except ModuleNotFoundError as error:
    print(f"aihwkit is not installed here ({error}); 'pip install aihwkit', then run this again", file=sys.stderr)
    sys.exit(NOT_INSTALLED)


def tile_work(repeats: int, rate: float) -> list[Comparison]:
    """Compare rank-1 updates of a whole tile, and reads in both directions."""
    rng = np.random.default_rng(0)
    x = (0.5 * rng.standard_normal((BATCH, SIZE))).astype(np.float32)
    d = (0.1 * rng.standard_normal((BATCH, SIZE))).astype(np.float32)
    weights = rng.uniform(-0.3, 0.3, (SIZE, SIZE)).astype(np.float32)
    array = make_array(0, SIZE, SIZE, weights, 1.0)
    tile = AnalogTile(SIZE, SIZE, SingleRPUConfig(device=ConstantStepDevice()))
    tile.set_learning_rate(rate)
    theirs_w, theirs_x, theirs_d = (torch.from_numpy(a.copy()) for a in (weights.T, x, d))
    tile.set_weights(theirs_w)
    turn = iter(range(1_000_000_000))

    def site(purpose: Purpose) -> DrawSite:
        return DrawSite(purpose, 0, next(turn))

    def our_update() -> None:
        array.update(x, d, rate, site(Purpose.UPDATE))

    def their_update() -> None:
        tile.update(theirs_x, theirs_d)

    works: dict[str, Callable[[], object]] = {
        "our update": our_update,
        "their update": their_update,
        "our forward": lambda: array.forward(x, site(Purpose.FORWARD)),
        "their forward": lambda: tile.joint_forward(theirs_x),
        "our transposed": lambda: array.transposed(d, site(Purpose.BACKWARD)),
        "their transposed": lambda: tile.backward(theirs_d),
    }
    with torch.no_grad():
        seconds = take_turns(works, repeats)
    size = f"constant-step, {SIZE} x {SIZE}, {BATCH} vectors"
    names = {
        "update": f"update, {size}, lr {rate}",
        "forward": f"forward read, {size}",
        "transposed": f"transposed read, {size}",
    }
    return [Comparison(name, "aihwkit", seconds[f"our {k}"], seconds[f"their {k}"]) for k, name in names.items()]


class TheirNet:
    """The digits perceptron in aihwkit, with digital biases."""

    def __init__(self) -> None:
        config = SingleRPUConfig(device=ConstantStepDevice())
        parts: list[torch.nn.Module] = []
        for rows, cols in LAYERS:
            parts += [AnalogLinear(rows, cols, bias=True, rpu_config=config), torch.nn.ReLU()]
        self.net = AnalogSequential(*parts[:-1])
        self.loss = torch.nn.CrossEntropyLoss()
        self.optimizer = AnalogSGD(self.net.parameters(), lr=EPOCH_LR)
        self.optimizer.regroup_param_groups(self.net)

    def epoch(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One pass over all rows, in batches."""
        for begin in range(0, len(x), EPOCH_BATCH):
            self.optimizer.zero_grad()
            loss = self.loss(self.net(x[begin : begin + EPOCH_BATCH]), y[begin : begin + EPOCH_BATCH])
            loss.backward()
            self.optimizer.step()


def epochs(repeats: int) -> Comparison:
    """Compare epochs of the digits perceptron."""
    rows = load_data("digits", 0.0, 0.2, 0).train
    ours, theirs = ChipNet(load("rpu-2016")), TheirNet()
    x, y = torch.from_numpy(rows.x.copy()), torch.from_numpy(rows.y.astype(np.int64))
    works: dict[str, Callable[[], object]] = {"ours": lambda: ours.epoch(rows), "theirs": lambda: theirs.epoch(x, y)}
    seconds = take_turns(works, repeats)
    return Comparison(f"digits epoch, batch {EPOCH_BATCH}, rpu-2016", "aihwkit", seconds["ours"], seconds["theirs"])


def main() -> None:
    """Print the comparisons."""
    asked = options(__doc__, 15).parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        found = [*tile_work(asked.repeats, 0.01), epochs(asked.repeats)]
    for one in found:
        low, high = one.quartiles
        print(f"{one.name:<60} ours / aihwkit {one.ratio:.2f} ({low:.2f} to {high:.2f})")
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
