"""The plan of what is in DRAM: by hand, and for any table."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.kept import KEPT, in_dram, needs, spilled
from ohmflow.compiler.program.verify import verify_program
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.hand_target import hand_target


def table(room: int, *rows: dict[str, int]) -> NDArray[np.void]:
    """Things of one unit, in the order in which they go; channel 9 unless they have another."""
    made = np.zeros(len(rows), KEPT)
    made["room"], made["state"], made["operation"], made["channel"], made["capacity"] = room, -1, -1, 9, 10**6
    made["order"] = range(len(rows))
    for k, row in enumerate(rows):
        for name, number in row.items():
            made[name][k] = number
    return made


def test_nothing_goes_where_all_fits() -> None:
    kept = table(100, {"per_sample": 10, "staging": 4}, {"per_sample": 15, "staging": 4})
    assert spilled(kept, 4).tolist() == [False, False]
    assert needs(kept, 4) == {0: (100, 100)}
    assert in_dram(kept, 4) == {}


def test_values_go_in_their_order_until_the_rest_fits() -> None:
    kept = table(100, *({"per_sample": 10, "staging": 4} for _ in range(4)))
    assert spilled(kept, 3).tolist() == [True, False, False, False]
    assert needs(kept, 3) == {0: (94, 100)}
    assert spilled(kept, 5).tolist() == [True, True, True, False]
    assert in_dram(kept, 5) == {9: (150, 10**6)}


def test_what_went_for_nothing_comes_back() -> None:
    kept = table(100, {"per_sample": 2, "staging": 1}, {"per_sample": 50, "staging": 2})
    assert spilled(kept, 2).tolist() == [False, True], "the second alone makes room enough"


def test_what_would_gain_nothing_stays() -> None:
    kept = table(100, {"per_sample": 10, "staging": 40}, {"per_sample": 40, "staging": 20})
    assert spilled(kept, 3).tolist() == [False, True]


def test_what_can_not_go_stays() -> None:
    kept = table(100, {"per_sample": 100, "channel": -1}, {"per_sample": 10, "staging": 1})
    assert spilled(kept, 2).tolist() == [False, True]
    assert needs(kept, 2) == {0: (201, 100)}


def test_a_state_goes_only_where_values_could_not_be_even_in_dram() -> None:
    matrix = {"state": 0, "fixed": 90, "staging": 4}
    assert not spilled(table(100, matrix, {"per_sample": 50, "staging": 10}), 1000)[0]
    assert spilled(table(100, matrix, {"per_sample": 50, "staging": 11}), 1)[0]


def test_units_are_planned_by_themselves() -> None:
    kept = table(100, {"per_sample": 60, "staging": 4}, {"per_sample": 60, "staging": 4, "unit": 1})
    assert spilled(kept, 1).tolist() == [False, False]
    assert needs(kept, 1) == {0: (60, 100), 1: (60, 100)}


ROWS = st.fixed_dictionaries(
    {
        "per_sample": st.integers(0, 40),
        "staging": st.integers(0, 20),
        "unit": st.integers(0, 2),
        "channel": st.sampled_from([-1, 7, 8]),
        "order": st.integers(0, 5),
    }
)
STATES = st.fixed_dictionaries(
    {
        "state": st.just(0),
        "fixed": st.integers(0, 60),
        "staging": st.integers(0, 20),
        "channel": st.sampled_from([-1, 7]),
        "order": st.integers(0, 5),
    }
)
TABLES = st.builds(
    lambda room, values, states: table(room, *values, *states),
    st.integers(1, 150),
    st.lists(ROWS, max_size=6),
    st.lists(STATES, max_size=3),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TABLES, st.integers(0, 50))
def test_a_unit_is_full_only_where_nothing_more_could_go(kept: NDArray[np.void], batch: int) -> None:
    away = spilled(kept, batch)
    for unit, (need, room) in needs(kept, batch).items():
        if need <= room:
            continue
        left = (kept["unit"] == unit) & ~away & (kept["channel"] >= 0) & (kept["state"] < 0)
        assert (kept["per_sample"][left] * batch <= kept["staging"][left]).all()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TABLES, st.integers(0, 50), st.integers(0, 50))
def test_where_a_state_is_does_not_depend_on_the_batch(kept: NDArray[np.void], one: int, other: int) -> None:
    states = kept["state"] >= 0
    assert (spilled(kept, one)[states] == spilled(kept, other)[states]).all()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TABLES, st.integers(0, 50))
def test_only_what_can_go_goes_and_only_if_it_makes_room(kept: NDArray[np.void], batch: int) -> None:
    away = spilled(kept, batch)
    assert (kept["channel"][away] >= 0).all()
    assert (kept["fixed"][away] + kept["per_sample"][away] * batch > kept["staging"][away]).all()
    held = sum(have for have, _ in in_dram(kept, batch).values())
    assert held == int((kept["fixed"] + kept["per_sample"] * batch)[away].sum())


DRAM = {
    **{"channels": 1, "node": [1, 0], "bandwidth": "8 GB/s", "latency": "20 ns", "burst": "4 B", "page": "64 B"},
    "capacity": "1 MiB",
}


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("unit", 99, r"kept thing 0: unit must be one of \d+, not 99"),
        ("channel", 0, "kept thing 0: must go to a channel of DRAM, not to "),
        ("per_sample", -1, "kept thing 0: per_sample must be 0 to "),
        ("state", 7, "kept thing 0: state must be one of "),
        ("room", 5, "must agree on its room, and do not"),
    ],
)
def test_a_damaged_table_is_refused(column: str, value: int, sentence: str) -> None:
    target = hand_target(chip__dram=DRAM)
    program = compile_model(perceptron((6, 4), ("",), True), target, CompileOptions(loss="mse"))
    verify_program(program)
    entry = program.entries["train_step"]
    kept = entry.kept.copy()
    kept[column][0] = value
    damaged = replace(program, entries={**program.entries, "train_step": replace(entry, kept=kept)})
    with pytest.raises(ProgramError, match=sentence):
        verify_program(damaged)


def test_every_kept_thing_has_a_name() -> None:
    program = compile_model(perceptron((6, 4), ("",), True), hand_target(), CompileOptions(loss="mse"))
    entry = replace(program.entries["train_step"], kept_names=())
    with pytest.raises(ProgramError, match="kept things must have a name each, not 0 names for"):
        verify_program(replace(program, entries={**program.entries, "train_step": entry}))
