"""Operations between a sample's values and its positions: split, stack, window, fold."""

from ohmflow.runtime.ledger.tally import Tally
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.places import samples
from ohmflow.runtime.machine.plan import Node
from ohmflow.runtime.machine.stashes import stacked, with_samples
from ohmflow.runtime.machine.windows import Positions, Windows, fold_windows, take_windows


def split_vec(node: Node, frame: Frame, tally: Tally) -> None:
    """A vec of vecs as a stash of them."""
    value = frame.env[node.ins[0]]
    frame.env[node.outs[0]] = Positions(value) if node.vector else value


def stack_stash(node: Node, frame: Frame, tally: Tally) -> None:
    """A stash of vecs as one vec."""
    frame.env[node.outs[0]] = stacked(frame.env[node.ins[0]])


def take(node: Node, frame: Frame, tally: Tally) -> None:
    """The windows of an image; inside a vectorised map they are taken when they are read."""
    image = frame.env[node.ins[0]]
    assert node.window is not None, "the plan says"
    if node.vector:
        frame.env[node.outs[0]] = Windows(with_samples(image, 3, samples(node, frame)), node.window)
    else:
        frame.env[node.outs[0]] = take_windows(image[None], node.window)[0]


def fold(node: Node, frame: Frame, tally: Tally) -> None:
    """The sum of windows."""
    windows = stacked(frame.env[node.ins[0]])
    assert node.window is not None, "the plan says"
    images = fold_windows(windows if node.vector else windows[None], node.window)
    frame.env[node.outs[0]] = images if node.vector else images[0]
