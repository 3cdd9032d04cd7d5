"""Events of a run equal numbers worked out by hand, or reported by the kernels themselves.

The hand-checkable chip is rpu-2016 with devices that all step by exactly 2⁻¹⁰, without noise, programmed exactly. The
model is one array of 3 x 2 with zero weights, so that α = 1/w_max = 2, the softmax is (½, ½), and d = (½, −½) or its
opposite.
"""

from typing import Any

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.counts import ReadCounts, UpdateCounts
from ohmflow.runtime.ledger.events import Key
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.make_arrays import make_arrays
from ohmflow.runtime.training.data import load_data
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import DIGITS_MLP, Layer, network

STEP = 2.0**-10
EXACT = {
    "device.parameters.dw_min": str(STEP),
    "device.parameters.w_max": "0.5",
    "device.parameters.w_min": "-0.5",
    **{
        f"device.parameters.{n}": "0"
        for n in ("dw_min_dtod", "dw_min_ctoc", "up_down_dtod", "w_max_dtod", "w_min_dtod")
    },
    "tile.adc.noise": "0",
    "tile.program.mode": "ideal",
    **{f"tile.program.{n}": "0" for n in ("error", "rounds", "pulses_per_round")},
}
LR = 4 * STEP * 2 / 0.5  # wanted train length (lr/α)·X·D/dw_min = 4, with X = 1 and D = ½
G0 = (8.93e-9 + 71.4e-9) / 2  # conductance at w = 0, in the middle of the range
WORD = 2  # bytes of an element, 16 bit
Book = dict[Key, float]


def zeros(loss: str = "cross-entropy", **target: str) -> tuple[Machine, Program]:
    """The hand-checkable machine, programmed."""
    chip = load("rpu-2016", EXACT | {path.replace("__", "."): value for path, value in target.items()})
    net = network(3, Layer("gemm", 2))
    for tensor in net.proto.graph.initializer:
        tensor.raw_data = bytes(len(tensor.raw_data))
    program = compile_model(net.proto, chip, CompileOptions(loss=loss))
    machine = Machine(program, chip, 0)
    machine.execute("program", {}, {}, 0)
    machine.close_epoch(0)
    return machine, program


def one_step(machine: Machine, x: list[float], label: Any) -> Book:
    rows = {
        "x": np.array([x], np.float32),
        "label": np.array([label], np.float32 if isinstance(label, list) else np.int64),
    }
    machine.execute("train_step", rows, {"lr": LR, "inv_batch": 1.0, "batch": 1}, 0)
    machine.close_epoch(1)
    return machine.book.counts[1]


def of(book: Book, unit: str, phase: str) -> dict[str, float]:
    """Events of a unit in a phase but for leakage."""
    return {event: n for (u, p, _, event), n in book.items() if (u, p) == (unit, phase) and event != "leak_cycle"}


def test_forward_read_is_counted_line_by_line() -> None:
    machine, _ = zeros()
    counted = of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "forward")
    assert counted == {
        "buffer_write_byte": 3 * WORD,  # x arrives
        "buffer_read_byte": 3 * WORD,  # and drives the rows
        "read_row": 2,  # the row of the 0 is not driven
        "dac_conversion": 2,
        "adc_conversion": 2,  # both columns
        "read_dose": pytest.approx(2 * 2 * (G0 + G0), rel=1e-12),  # 2 rows of 2 cells, each with its reference
    }


def test_update_pulses_every_driven_line_in_every_slot() -> None:
    machine, _ = zeros()
    book = one_step(machine, [1, 0, 1], 1)
    # 4 slots wanted, so the largest lines fire in each: 2 rows and 2 columns, 4 devices in the middle of them.
    assert of(book, "tile(0,0)", "update") == {
        "buffer_write_byte": 2 * WORD,  # d arrives
        "buffer_read_byte": (3 + 2) * WORD,  # x and d are loaded
        "row_pulse": 4 * 2,
        "col_pulse": 4 * 2,
        "coincidence": 4 * 4,
        # All other devices of the driven lines of the physical tile of 4096 x 4096; a device at a coincidence is on
        # two driven lines.
        "half_select": 8 * 4096 + 8 * 4096 - 2 * 16,
    }
    moved = -LR * np.outer([1, 0, 1], [0.5, -0.5])
    assert np.array_equal(machine.values.arrays[0].weights(), moved.astype(np.float32))


def test_first_layer_is_not_read_backward() -> None:
    machine, _ = zeros()
    assert not of(one_step(machine, [1, 0, 1], 1), "tile(0,0)", "backward")


def test_bytes_through_the_host_port_are_data_and_loss() -> None:
    machine, _ = zeros()
    book = one_step(machine, [1, 0, 1], 1)
    assert of(book, "host", "forward") == {"host_byte": (3 + 1) * WORD}  # x and the label
    assert of(book, "host.results", "forward") == {"host_byte": 1 * WORD}  # the loss


def test_flits_inside_a_node_use_its_local_link() -> None:
    machine, _ = zeros()
    book = one_step(machine, [1, 0, 1], 1)
    # Each message is a head flit and one flit of 720 bit: x, label, y and loss; then d.
    assert of(book, "router(0,0)", "forward") == {"flit_local": 4 * 2}
    assert of(book, "router(0,0)", "update") == {"flit_local": 2}


def test_flits_between_nodes_are_charged_to_every_router_on_the_way() -> None:
    machine, _ = zeros(chip__host__node="[2, 1]")
    book = one_step(machine, [1, 0, 1], 1)
    # x and label go (2,1) -> west -> west -> north -> eject at (0,0); the loss goes east, east, then south.
    assert of(book, "router(2,1)", "forward") == {"flit_hop": 2 * (2 * 2) + 2}  # inject and west of both; eject
    assert of(book, "router(1,1)", "forward") == {"flit_hop": 2 * 2}
    assert of(book, "router(0,1)", "forward") == {"flit_hop": 2 * 2}
    # eject of x and label; inject and east of the loss; and y stays inside the node.
    assert of(book, "router(0,0)", "forward") == {"flit_hop": 2 * 2 + 2 * 2, "flit_local": 2}
    assert of(book, "router(1,0)", "forward") == {"flit_hop": 2}
    assert of(book, "router(2,0)", "forward") == {"flit_hop": 2}


def test_wider_vectors_take_more_flits() -> None:
    machine, _ = zeros(chip__link__flit="16 bit")
    book = one_step(machine, [1, 0, 1], 1)
    # A head flit, and a flit an element: x, label, y, loss; d.
    assert of(book, "router(0,0)", "forward") == {"flit_local": (1 + 3) + (1 + 1) + (1 + 2) + (1 + 1)}
    assert of(book, "router(0,0)", "update") == {"flit_local": 1 + 2}


def test_cycles_of_a_tile_are_those_of_its_instructions() -> None:
    machine, _ = zeros()
    one_step(machine, [1, 0, 1], 1)
    cycles = machine.book.phase_cycles[1]
    # Receive x: 1. Read: set-up 2, 80 ns of integration, 5 cycles of conversion at 200 MS/s, latency 4.
    assert cycles["tile(0,0)", "forward"] == 1 + (2 + 80 + 5 + 4)
    # Receive d: 1, load x and d: 1, set-up 2 and 4 pulses of 1 ns.
    assert cycles["tile(0,0)", "update"] == 1 + 1 + 2 + 4


def test_inference_bytes_of_the_vector_unit() -> None:
    machine, _ = zeros()
    machine.execute("infer", {"x": np.ones((5, 3), np.float32)}, {"batch": 5}, 0)
    machine.close_epoch(1)
    counted = of(machine.book.counts[1], "vector(0,0)", "evaluation")
    # Per sample: y arrives (2 elements), is added up and scaled (2 in, 2 out), gets its bias (2 + 2 in, 2 out), and
    # leaves.
    assert counted["scratchpad_write_byte"] == 5 * (2 + 2 + 2) * WORD
    assert counted["scratchpad_read_byte"] == 5 * (2 + 4 + 2) * WORD
    assert counted["vector_op"] == 5 * (2 + 2)
    assert of(machine.book.counts[1], "host", "evaluation") == {"host_byte": 5 * 3 * WORD}
    assert of(machine.book.counts[1], "host.results", "evaluation") == {"host_byte": 5 * 2 * WORD}


def test_array_in_two_blocks_converts_its_columns_twice() -> None:
    machine, program = zeros(tile__crossbar__rows="2", tile__crossbar__cols="2", tile__adc__shared_by="2")
    book = one_step(machine, [1, 0, 1], 1)
    assert [(b.row0, b.rows, b.tile) for b in program.arrays[0].blocks] == [(0, 1, 0), (1, 2, 1)]
    first, second = (of(book, unit, "forward") for unit in ("tile(0,0)", "tile(1,0)"))
    assert (first["read_row"], first["adc_conversion"]) == (1, 2)
    assert (second["read_row"], second["adc_conversion"]) == (1, 2)
    updates = [of(book, unit, "update") for unit in ("tile(0,0)", "tile(1,0)")]
    # The columns run over both tiles, so their drivers fire on both.
    assert [(u["row_pulse"], u["col_pulse"], u["coincidence"]) for u in updates] == [(4, 8, 8), (4, 8, 8)]
    assert [u["half_select"] for u in updates] == [4 * 2 + 8 * 2 - 2 * 8] * 2


def test_zero_gradient_pulses_nothing() -> None:
    machine, _ = zeros(loss="mse")
    book = one_step(machine, [1, 0, 1], [0.0, 0.0])  # the output is (0, 0), as it should be
    assert of(book, "tile(0,0)", "update").keys() == {"buffer_write_byte", "buffer_read_byte"}
    assert not machine.values.arrays[0].w.any()
    assert machine.book.phase_cycles[1]["tile(0,0)", "update"] == 1 + 1 + 2, "a train of no pulses takes its set-up"
    assert machine.values.updates[0].lost == 0


def test_zero_input_is_converted_but_drives_and_pulses_nothing() -> None:
    machine, _ = zeros()
    book = one_step(machine, [0, 0, 0], 1)
    forward = of(book, "tile(0,0)", "forward")
    assert forward["adc_conversion"] == 2
    assert not forward.keys() & {"read_row", "dac_conversion", "read_dose"}
    assert of(book, "tile(0,0)", "update").keys() == {"buffer_write_byte", "buffer_read_byte"}


def test_programming_is_counted_row_by_row() -> None:
    rounds = {"tile__program__mode": "write-verify", "tile__program__error": "0.01"}
    machine, _ = zeros(**rounds, tile__program__rounds="7", tile__program__pulses_per_round="5")
    counted = of(machine.book.counts[0], "tile(0,0)", "program")
    pulses = 3 * 7 * 5  # rows, rounds, pulses
    assert (counted["row_pulse"], counted["col_pulse"], counted["coincidence"]) == (pulses, 2 * pulses, 2 * pulses)
    assert (counted["read_row"], counted["adc_conversion"]) == (3 * 7, 3 * 7 * 2)
    # A row's round: 5 pulses of 1 ns, and a read of 2 + 80 + conversion of the block's 2 columns, each on a
    # converter of its own, + latency 4.
    conversion = 5
    assert machine.book.phase_cycles[0]["tile(0,0)", "program"] == 1 + 3 * 7 * (5 + 2 + 80 + conversion + 4)


# What the kernels report ----------------------------------------------------------------------------------------------


class _Listener:
    """Stands before an array and keeps what its reads and updates say.

    It lets nothing be made ready (`bound_read`, `bound_update`): what is made ready adds to tables itself and says
    nothing.
    """

    def __init__(self, array: CrossbarArray) -> None:
        self.array = array
        self.reads: dict[str, list[ReadCounts]] = {"forward": [], "transposed": []}
        self.updates: list[UpdateCounts] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.array, name)

    def forward(self, x: Any, at: Any) -> Any:
        y, counts = self.array.forward(x, at)
        self.reads["forward"].append(counts)
        return y, counts

    def transposed(self, d: Any, at: Any) -> Any:
        y, counts = self.array.transposed(d, at)
        self.reads["transposed"].append(counts)
        return y, counts

    def bound_read(self, *_: Any) -> None:
        return None

    def bound_update(self, *_: Any) -> None:
        return None

    def update(self, x: Any, d: Any, lr: float, at: Any, scheme: str | None = None) -> UpdateCounts:
        counts = self.array.update(x, d, lr, at, scheme)
        self.updates.append(counts)
        return counts


def one_epoch(machine: Machine) -> None:
    """Train on a tenth of digits."""
    data = load_data("digits", 0.0, 0.9, 3)
    trainer = Trainer(machine, type(data)("part", data.train, data.val, data.val), TrainOptions(batch=2, seed=3))
    trainer.program_weights()
    trainer.run()


@pytest.fixture(scope="module")
def heard() -> tuple[Machine, list[_Listener]]:
    """An epoch on digits, cut into blocks of at most 100 x 90, with a narrow converter that retries."""
    listeners: list[_Listener] = []

    def listened(*given: Any) -> list[_Listener]:
        listeners.extend(_Listener(array) for array in make_arrays(*given))
        return listeners

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ohmflow.runtime.machine.machine.make_arrays", listened)
        machine = narrow()
    one_epoch(machine)
    return machine, listeners


def narrow() -> Machine:
    chip = load("rpu-2016", {"tile.crossbar.rows": "100", "tile.crossbar.cols": "90", "tile.adc.bound": "0.3"})
    return Machine(compile_model(DIGITS_MLP, chip), chip, 3)


def test_epoch_that_nobody_listens_to_has_the_same_events(heard: tuple[Machine, list[_Listener]]) -> None:
    machine = narrow()
    one_epoch(machine)
    assert machine.book.phase_cycles == heard[0].book.phase_cycles
    assert machine.book.counts[0] == heard[0].book.counts[0]
    assert machine.book.counts[1] == pytest.approx(heard[0].book.counts[1], rel=1e-12)
    for array, listener in zip(machine.values.arrays, heard[1], strict=True):
        assert np.array_equal(array.w, listener.w)


def expected(machine: Machine, listeners: list[_Listener], read: str, phase: str) -> Book:
    """Sum what the listeners heard, by the tile of each block."""
    names = {u.index: u.name for u in machine.program.chip.units if u.kind == "tile"}
    book: Book = {}

    def add(tile: int, component: str, event: str, count: float) -> None:
        key = (names[tile], phase, component, event)
        if count:
            book[key] = book.get(key, 0.0) + float(count)

    for record, listener in zip(machine.program.arrays, listeners, strict=True):
        for number, block in enumerate(record.blocks):
            for counts in listener.reads[read]:
                add(block.tile, "adc", "adc_conversion", counts.conversions[number])
                add(block.tile, "dac", "dac_conversion", counts.driven[number])
                add(block.tile, "driver", "read_row" if read == "forward" else "read_col", counts.driven[number])
                add(block.tile, "array", "read_dose", counts.dose[number])
    return book


@pytest.mark.parametrize(("read", "phase"), [("forward", "forward"), ("transposed", "backward")])
def test_events_of_reads_are_those_of_the_kernels(
    heard: tuple[Machine, list[_Listener]], read: str, phase: str
) -> None:
    machine, listeners = heard
    book = {
        k: n
        for k, n in machine.book.counts[1].items()
        if k[0].startswith("tile") and k[1] == phase and k[2] in ("adc", "dac", "driver", "array")
    }
    assert len({unit for unit, *_ in book}) > 5
    assert book == pytest.approx(expected(machine, listeners, read, phase), rel=1e-12)


def test_conversions_are_lines_times_reads_with_every_retry(heard: tuple[Machine, list[_Listener]]) -> None:
    machine, listeners = heard
    retries = 0
    for record, listener in zip(machine.program.arrays, listeners, strict=True):
        for counts in listener.reads["forward"]:
            attempts = (1 + counts.retries).sum(axis=0)
            assert counts.conversions.tolist() == [b.cols * n for b, n in zip(record.blocks, attempts, strict=True)]
            retries += int(counts.retries.sum())
        for counts in listener.reads["transposed"]:
            assert counts.conversions.tolist() == [b.rows * len(counts.retries) for b in record.blocks]
            assert not counts.retries.any()
    assert retries > 0, "the narrow converter must have clipped for the claim to mean anything"


def test_events_of_updates_are_those_of_the_kernels(heard: tuple[Machine, list[_Listener]]) -> None:
    machine, listeners = heard
    names = {u.index: u.name for u in machine.program.chip.units if u.kind == "tile"}
    sums: dict[str, np.ndarray] = {}
    for record, listener in zip(machine.program.arrays, listeners, strict=True):
        for number, block in enumerate(record.blocks):
            counts = [(u.row_pulses[number], u.col_pulses[number], u.coincidences[number]) for u in listener.updates]
            unit = names[block.tile]
            sums[unit] = sums.get(unit, np.zeros(3)) + np.sum(counts, axis=0)
    for unit, (rows, cols, hits) in sums.items():
        counted = of(machine.book.counts[1], unit, "update")
        assert (counted["row_pulse"], counted["col_pulse"], counted["coincidence"]) == (rows, cols, hits)
        assert counted["half_select"] == 90 * rows + 100 * cols - 2 * hits


def test_tile_is_busy_with_the_trains_that_were_fired(heard: tuple[Machine, list[_Listener]]) -> None:
    machine, listeners = heard
    names = {u.index: u.name for u in machine.program.chip.units if u.kind == "tile"}
    record, listener = machine.program.arrays[0], listeners[0]
    lengths = np.concatenate([u.train_length for u in listener.updates])
    assert len(lengths) == 180 and lengths.max() > lengths.min() > 0
    # The first layer's tiles are not read backward, so nothing hides their updates.
    for block in record.blocks:
        assert [b.tile for a in machine.program.arrays for b in a.blocks].count(block.tile) == 1
        receive, load_both = -(-block.cols * WORD // 90), -(-(block.rows + block.cols) * WORD // 90)
        per_vector = receive + load_both + 2
        assert machine.book.phase_cycles[1][names[block.tile], "update"] == 180 * per_vector + lengths.sum()
