"""What a refresh takes and costs, by hand, on both clocks and in the book of events."""

import numpy as np

from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.ledger.events import TileShape, tally_events
from ohmflow.runtime.ledger.tally import VERIFY_READS
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import hand_program
from tests.runtime.machine.hand_target import hand_target
from tests.runtime.machine.test_two_array_rule import batch, program, scalars

PULSE = {"width": "1 ns", "gap": "1 ns", "amplitude": "1 V", "scheme": "full"}
GIVEN = {"dw_min": 0.01, "w_max": 1.0, "w_min": -1.0, "refresh_at": 0.5}
CROSSBAR = {"rows": 16, "cols": 32, "cell": "differential-pair"}
ROUND = 2 + (2 + 10) + 2 + 4
"""Cycles: a slot; set-up and integration; two lines for each converter that eight share of sixteen, 1 ns; latency."""

ONE_UPDATE = """
tile.array @W 3x4 rule "sgd"
tile.entry @train_step(
  %xs: !tile.stash<!tile.vec<3xf32>>, %ds: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>,
  %batch: !tile.scalar<index>
) {
  %w = tile.open @W
  %end = tile.for %i to %batch carry (%w_i = %w) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %w_new = tile.update @W site 0 (%x, %d, %lr, %w_i)
    tile.yield (%w_new)
  }
  tile.commit %end
  tile.return
}
"""


def pairs(limit: float | None = None, **parameters: float) -> Target:
    """The hand-made target with pairs that refresh; `limit` pulses wear them."""
    return hand_target(
        device__model="one-sided-pair",
        device__parameters=GIVEN | parameters,
        device__pulse=PULSE,
        device__endurance=None if limit is None else {"pulses": limit, "beyond": "report"},
        tile__crossbar=CROSSBAR,
    )


def bench_of(target: Target) -> Bench:
    return Bench(hand_program(ONE_UPDATE, {}, {"W": np.zeros((3, 4), np.float32)}, target), target)


def fill(bench: Bench) -> None:
    """Let two rows have two weights of 0.23, a device of which is past half its range: 0.41 and 0.64."""
    array = bench.machine.values.arrays[0]
    array.planes.g[:, 1:, :2] = np.array([0.413, 0.64], np.float32)[:, None, None]
    array.w[:] = array.planes.g[1] - array.planes.g[0]


def nothing(size: int) -> dict[str, np.ndarray]:
    return {"xs": np.zeros((size, 3), np.float32), "ds": np.zeros((size, 4), np.float32)}


def test_a_refresh_keeps_its_tile_busy_for_its_rounds() -> None:
    bench, ended = bench_of(pairs()), {}
    for what in ("idle", "due"):
        if what == "due":
            fill(bench)
        _, timeline, counts = bench.run("train_step", nothing(3), {"lr": 0.1, "batch": 3})
        ended[what] = timeline.cycles
        told = next(counts[g] for g in counts if counts[g].shape[-1] == 2)
        # Two rows, of which each is read, reset and read, and pulsed 23 times with a read behind each.
        assert told[..., 1].ravel().tolist() == ([0, 0, 2 * (2 + 23)] if what == "due" else [0, 0, 0])
    assert ended["due"] - ended["idle"] == 2 * (2 + 23) * ROUND


def test_a_refresh_is_billed_by_reads_resets_and_pulses() -> None:
    target = pairs()
    bench = bench_of(target)
    fill(bench)
    bench.run("train_step", nothing(1), {"lr": 0.1, "batch": 1})
    entry = bench.program.entries["train_step"]
    table = bench.machine.values.tallies["train_step"].take()
    found = {}
    for event in tally_events(bench.program, TileShape.of(target), entry, table):
        assert event.key[:2] == ("tile(0,0)", "update")
        found[event.key[3]] = event.count
    rows, weights, most = 2, 4, 23
    fired = weights * (2 + most)  # both devices of each are reset
    assert found == {
        "read_row": rows * (2 + most),
        "dac_conversion": rows * (2 + most),
        "adc_conversion": rows * (2 + most) * 4,
        "row_pulse": rows * (1 + most),
        "col_pulse": fired,
        "coincidence": fired,
        "half_select": rows * (1 + most) * 32 + fired * 16 - 2 * fired,
    }


def test_devices_that_never_refresh_have_no_such_instruction() -> None:
    for target, expected in ((pairs(), 1), (pairs(refresh_at=1.0), 0), (hand_target(), 0)):
        instructions = bench_of(target).program.entries["train_step"].instructions
        assert np.count_nonzero(instructions["mnemonic"] == Mnemonic.REFRESH) == expected


def test_refreshes_behind_transfers_reach_the_clock_block_by_block() -> None:
    target = pairs(refresh_at=0.02, dw_min=0.004)
    bench = Bench(program(target), target)
    for step in range(3):
        bench.run("train_step", batch(4, step), scalars(4))  # the two clocks agree on it
    table = bench.program.entries["train_step"].instructions
    # An update of A and a transfer to C, each of two blocks.
    assert np.count_nonzero(table["mnemonic"] == Mnemonic.REFRESH) == 2 * 2
    tally = bench.machine.values.tallies["train_step"].take()
    assert tally[:, :, VERIFY_READS].sum() > 0, "rows were read to be refreshed"


def test_wear_counts_the_pulses_of_a_refresh() -> None:
    bench = bench_of(pairs(limit=1e6))
    fill(bench)
    bench.run("train_step", nothing(1), {"lr": 0.1, "batch": 1})
    wear = bench.machine.values.arrays[0].wear
    assert wear is not None
    assert wear.pulses.tolist() == [[0, 0, 0, 0], [25, 25, 0, 0], [25, 25, 0, 0]], "both devices reset, 23 pulses"
