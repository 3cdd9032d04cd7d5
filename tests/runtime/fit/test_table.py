"""Tables as people have them, and what is said of those that are not measurements."""

from pathlib import Path

import numpy as np
import pytest

from ohmflow.runtime.fit.errors import FitInfeasibleError, FitInputError
from ohmflow.runtime.fit.table import read_trains

HEAD = "device,cycle,pulse,direction,conductance_uS"


def rows(device: str = "a", up: str = "up", down: str = "down", reads: int = 12) -> list[str]:
    rising = [f"{device},1,{n},{up},{1 + 0.01 * n:.3f}" for n in range(reads + 1)]
    return rising + [f"{device},1,{n},{down},{1.12 - 0.01 * n:.3f}" for n in range(1, reads + 1)]


@pytest.fixture
def table(tmp_path: Path):
    def write(lines: list[str], head: str = HEAD, end: str = "\n", mark: str = "") -> Path:
        file = tmp_path / "pulses.csv"
        file.write_bytes((mark + end.join([head, *lines]) + end).encode())
        return file

    return write


def test_reads_are_in_order_and_siemens(table) -> None:
    trains = read_trains(table(rows()))
    assert trains.names == ("a",)
    assert np.allclose(trains.siemens(trains.y[:3]), [1e-6, 1.01e-6, 1.02e-6])
    assert trains.pulses.tolist() == [-1, *[1] * 24]
    assert trains.up.tolist() == [1] * 13 + [0] * 12
    assert trains.resolution == pytest.approx(1e-9)


@pytest.mark.parametrize("up,down", [("+1", "-1"), ("SET", "Reset"), ("1.0", "-1.0"), ("potentiation", "LTD")])
def test_directions_have_many_names(table, up: str, down: str) -> None:
    assert read_trains(table(rows(up=up, down=down))).up.sum() == 13


def test_numbers_only_and_words_are_read_alike(table) -> None:
    words = read_trains(table(rows("1")))
    numbers = read_trains(table(rows("1", "+1", "-1")))
    assert words.names == numbers.names
    assert np.array_equal(words.y, numbers.y) and np.array_equal(words.pulses, numbers.pulses)
    assert words.resolution == numbers.resolution


def test_mark_line_ends_separators_names_and_empty_lines_do_not_matter(table) -> None:
    plain = read_trains(table(rows()))
    lines = [line.replace(",", ";") for line in rows()] + [""]
    head = "Device; Cycle ;PULSE;Direction;Conductance [nS]"
    odd = read_trains(table(lines, head, "\r\n", "\ufeff"))
    assert np.allclose(odd.y, plain.y)
    assert odd.half == pytest.approx(plain.half / 1000)


def driven(amplitude: str = "amplitude_V", first: str = "") -> tuple[list[str], str]:
    lines = [f"{line},{first},{first}" if ",0," in line else f"{line},5,-10" for line in rows()]
    lines += [line.replace("a,1,", "a,2,").replace(",5,-10", ",10,-9") for line in lines[1:]]
    return lines, f"{HEAD},width_ns,{amplitude}"


def test_pulses_may_have_widths_and_amplitudes(table) -> None:
    trains = read_trains(table(*driven()))
    assert trains.usual == (5e-9, 10.0)
    assert trains.drives.tolist() == [2, 2]
    assert trains.drive[0].tolist() == [0.0, 1.0]
    assert np.allclose(trains.drive[-1], [np.log(2.0), 0.9])


@pytest.mark.parametrize("up,down", [("up", "down"), ("+1", "-1")])
def test_numbers_of_pulses_are_read_alike_in_words_and_numbers(table, up: str, down: str) -> None:
    lines, head = driven(first="0")
    lines = [line.replace("a,", "1,", 1).replace(",up,", f",{up},").replace(",down,", f",{down},") for line in lines]
    assert np.allclose(read_trains(table(lines, head)).drive[-1], [np.log(2.0), 0.9])


def test_amplitudes_without_unit_and_pulses_of_none_are_said(table) -> None:
    with pytest.raises(FitInputError, match="must end in its unit, not in 'none'; name it such as amplitude_V"):
        read_trains(table(*driven("amplitude")))
    lines, head = driven()
    with pytest.raises(FitInputError, match=r":4: 'width_ns' must not be 0"):
        read_trains(table([*lines[:2], lines[2].replace(",5,", ",0,"), *lines[3:]], head))


def test_order_of_rows_does_not_matter(table) -> None:
    lines = rows("a") + rows("b")
    plain, mixed = (read_trains(table(some)) for some in (lines, lines[:13] + lines[25:] + lines[13:25]))
    assert np.array_equal(plain.y, mixed.y)
    assert np.array_equal(plain.first, mixed.first)


def test_missing_pulses_are_several_steps(table) -> None:
    lines = rows(reads=16)
    trains = read_trains(table(lines[:5] + lines[7:]))
    assert trains.pulses.tolist()[:6] == [-1, 1, 1, 1, 1, 3]


def test_numbers_that_count_on_are_one_train(table) -> None:
    lines = [f"a,1,{n},{'up' if n <= 12 else 'down'},{1 + 0.01 * min(n, 24 - n):.3f}" for n in range(25)]
    assert read_trains(table(lines)).pulses.tolist() == [-1, *[1] * 24]
    # Pulses 12 and 13 are missing: nobody knows in which direction they were.
    assert read_trains(table(lines[:12] + lines[14:])).pulses.tolist().count(-1) == 2


def test_repeated_reads_are_averaged_and_tell_their_error(table) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{row},{k}" for row in rows() for k in range(4)]
    cells = [line.split(",") for line in lines]
    noisy = [",".join([*c[:4], f"{float(c[4]) + 0.002 * rng.normal():.5f}", c[5]]) for c in cells]
    trains = read_trains(table(noisy, HEAD + ",repeat"))
    assert trains.y.size == 25
    assert trains.read_error is not None
    # 75 spare reads: the error of the estimate is 8 %.
    assert trains.read_error[0] == pytest.approx(2e-9, rel=0.3)
    assert (trains.known > 0).all()


@pytest.mark.parametrize(
    "head,change,said",
    [
        (HEAD.replace("direction", "way"), None, "must have a column 'direction'"),
        (HEAD.replace("_uS", ""), None, "the conductance must have a unit, not none"),
        (HEAD.replace("_uS", "_uV"), None, "must be one of conductance such as uS, nS or S, not 'uV'"),
        (HEAD, (4, "1.040", "nan"), "pulses.csv:6: 'conductance_uS' must be a finite number, not 'nan'"),
        (HEAD, (4, "1.040", "high"), "pulses.csv:6: 'conductance_uS' must be a number, not 'high'"),
        (HEAD, (4, ",4,", ",4.5,"), "pulses.csv:6: 'pulse' must be a whole number, not '4.5'"),
        (HEAD, (4, ",4,", ",-4,"), "pulses.csv:6: 'pulse' must be at least 0, not -4"),
        (HEAD, (4, "up", "sideways"), "pulses.csv:6: 'direction' must be up or down, or +1 or -1, not 'sideways'"),
        (HEAD, (4, ",4,", ",3,"), "pulses.csv:6: a device must have one read after each pulse"),
        (HEAD, (4, "1.040", "1.040,7"), "pulses.csv:6: the row must have 5 cells like the line of names, not 6"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(table, head: str, change, said: str) -> None:
    lines = rows()
    if change is not None:
        at, old, new = change
        assert old in lines[at]
        lines[at] = lines[at].replace(old, new)
    with pytest.raises(FitInputError) as error:
        read_trains(table(lines, head))
    assert said in str(error.value) and "\n" not in str(error.value)
    assert error.value.exit_status == 2


@pytest.mark.parametrize(
    "lines,said",
    [
        (rows()[:13], "device 'a' must be pulsed in both directions, not only up"),
        (rows(reads=5), "must have at least 10 reads after a pulse up, not 5"),
        ([line.rpartition(",")[0] + ",1.000" for line in rows()], "device 'a' must change its conductance"),
    ],
)
def test_too_little_is_refused_with_another_status(table, lines: list[str], said: str) -> None:
    with pytest.raises(FitInfeasibleError) as error:
        read_trains(table(lines))
    assert said in str(error.value) and error.value.exit_status == 3


def test_a_missing_or_empty_table_is_said(tmp_path: Path, table) -> None:
    with pytest.raises(FitInputError, match="must be a table in a file, not a missing one"):
        read_trains(tmp_path / "none.csv")
    with pytest.raises(FitInputError, match="must have a row for each read, not none"):
        read_trains(table([]))
