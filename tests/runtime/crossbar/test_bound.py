"""Bound reads and updates give the bits and the bills of those that are not bound."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import NotFiniteError
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec, UpdateSpec
from ohmflow.runtime.ledger.tally import Tally

ROWS, COLS, SITE = 13, 9, 2
BLOCKS = (Block(0, 0, 8, 9), Block(8, 0, 5, 9))
WINDOW = ConductanceSpec(1e-6, 5e-6)
READS: dict[str, ReadSpec] = {
    "converters": ReadSpec(6, 7, out_bound=0.8, out_noise=0.02),
    "thermal": ReadSpec(None, None, thermal=1e-9, out_noise=0.01),
    "flicker": ReadSpec(None, None, flicker=0.1),
}

Make = Callable[..., CrossbarArray]


@pytest.fixture
def arrays(make_array: Make) -> Callable[..., list[CrossbarArray]]:
    """Two that are equal, with weights."""

    def make(**given: Any) -> list[CrossbarArray]:
        made = [make_array(ROWS, COLS, blocks=BLOCKS, alpha=0.5, conductance=WINDOW, **given) for _ in range(2)]
        for array in made:
            array.program(np.random.default_rng(1).uniform(-0.3, 0.3, (ROWS, COLS)))
        return made

    return make


@pytest.mark.parametrize("transposed", [False, True], ids=["forward", "transposed"])
@pytest.mark.parametrize("name", READS)
def test_bound_reads_equal_reads(arrays: Any, name: str, transposed: bool) -> None:
    one, other = arrays(read=READS[name])
    purpose = int(Purpose.BACKWARD if transposed else Purpose.FORWARD)
    bound = one.bound_read(transposed, 6, purpose, SITE)
    assert bound is not None
    mine, theirs = Tally(1, len(BLOCKS)), Tally(1, len(BLOCKS))
    rng = np.random.default_rng(0)
    place = np.empty((6, COLS if transposed else ROWS), np.float32)
    for step in range(5):
        place[:] = rng.standard_normal(place.shape)
        given = [place, place.copy(), np.asfortranarray(place), place.astype(np.float64), place][step]
        retries = bound(given, step, mine.table[0])
        y, counts = (other.transposed if transposed else other.forward)(
            given.astype(np.float32), DrawSite(purpose, SITE, step)
        )
        theirs.add_read(0, counts)
        assert bound.y.tobytes() == y.tobytes()
        np.testing.assert_array_equal(retries, counts.retries)
        x, d = (rng.standard_normal((2, n)).astype(np.float32) for n in (ROWS, COLS))
        for array in (one, other):  # reads follow the weights
            array.update(x, d, 0.02, DrawSite(Purpose.UPDATE, 0, step))
    np.testing.assert_array_equal(mine.table, theirs.table)
    assert mine.table.any()


@pytest.mark.parametrize(
    "spec",
    [
        None,
        ReadSpec(6, 7, out_bound=0.8, noise_management="average-abs-max"),
        ReadSpec(6, 7, out_bound=0.8, inputs="bit-serial", bound_management="none"),
    ],
    ids=["exact", "average", "bit-serial"],
)
def test_exact_averaging_and_repeated_reads_are_not_bound(arrays: Any, spec: ReadSpec | None) -> None:
    assert arrays(read=spec)[0].bound_read(False, 3, int(Purpose.FORWARD), SITE) is None


@pytest.mark.parametrize("scheme", [None, "mean-count"])
def test_bound_updates_equal_updates(arrays: Any, pairs: Any, scheme: str | None) -> None:
    one, other = arrays(update=UpdateSpec())
    bound = one.bound_update(int(Purpose.UPDATE), SITE, scheme)
    assert bound is not None
    mine, theirs = Tally(1, len(BLOCKS)), Tally(1, len(BLOCKS))
    for step in range(3):
        x, d = pairs(5, ROWS, COLS, step)
        assert bound.fits(x, d)
        lengths, clipped, lost = bound(x, d, 0.3, step, mine.table[0])
        counts = other.update(x, d, 0.3, DrawSite(Purpose.UPDATE, SITE, step), scheme)
        theirs.add_pulses(0, counts)
        np.testing.assert_array_equal(lengths[:, 0], counts.train_length)
        assert (clipped, lost) == (counts.clipped, counts.lost)
        assert one.w.tobytes() == other.w.tobytes()
    np.testing.assert_array_equal(mine.table, theirs.table)
    assert mine.table.any()


def test_reads_follow_bound_updates(arrays: Any, pairs: Any) -> None:
    one, other = arrays(read=READS["thermal"])
    bound = one.bound_update(int(Purpose.UPDATE), SITE)
    at = DrawSite(Purpose.FORWARD, 0, 0)
    x, d = pairs(5, ROWS, COLS)
    for array in (one, other):
        array.forward(x, at)
    bound(x, d, 0.3, 0, Tally(1, len(BLOCKS)).table[0])
    other.update(x, d, 0.3, DrawSite(Purpose.UPDATE, SITE, 0))
    assert one.forward(x, at)[0].tobytes() == other.forward(x, at)[0].tobytes()


def test_vectors_of_another_shape_or_layout_do_not_fit(arrays: Any, pairs: Any) -> None:
    bound = arrays()[0].bound_update(int(Purpose.UPDATE), SITE)
    x, d = pairs(5, ROWS, COLS)
    assert bound.fits(x, d) and bound.fits(x, d)
    read_only = x.copy()
    read_only.flags.writeable = False
    for pair in (
        (x[:4], d),
        (d, x),
        (x[0], d[0]),
        (x.astype(np.float64), d),
        (np.asfortranarray(x), d),
        (read_only, d),
    ):
        assert not bound.fits(*pair)
    assert bound.fits(x, d)


def test_what_is_not_finite_is_refused_and_the_other_vectors_are_applied(arrays: Any, pairs: Any) -> None:
    one, other = arrays()
    bound = one.bound_update(int(Purpose.UPDATE), SITE)
    x, d = pairs(5, ROWS, COLS)
    d[2, 3] = np.nan
    with pytest.raises(NotFiniteError) as mine:
        bound(x, d, 0.3, 0, Tally(1, len(BLOCKS)).table[0])
    with pytest.raises(NotFiniteError) as theirs:
        other.update(x, d, 0.3, DrawSite(Purpose.UPDATE, SITE, 0))
    assert str(mine.value) == str(theirs.value)
    assert one.w.tobytes() == other.w.tobytes()
