"""A small whole target as text, and ways to write and break it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load

SMALL = """\
name: small
summary: A small target for tests
source: "assumption: made up for tests"
confidence: low
device:
  model: constant-step
  parameters: {dw_min: 0.001, w_max: 0.6, w_min: -0.6}
  pulse: {width: 1 ns, gap: 0 ns, amplitude: 1 V, scheme: half-select}
  conductance: {min: 10 nS, max: 100 nS}
  energy_per_pulse: 40 aJ
  energy_half_select: 10 aJ
tile:
  crossbar: {rows: 64, cols: 32, cell: single-with-reference, wire_c: 0.2 fF/um, pitch: 0.4 um}
  dac: {bits: 7, energy: 0.3 pJ}
  adc:
    bits: 9
    bound: 12
    noise: 0.06
    rate: 200 MHz
    latency: 4
    shared_by: 16
    banks: 2
    energy: 2 pJ
  read: {integration: 80 ns, setup: 2, voltage: 0.5 V, double_buffered: true, noise_management: abs-max, \
bound_management: iterative, max_retries: 4}
  update: {train_length: 31, scheme: stochastic-compressed, update_management: true, train_length_management: true, \
setup: 2}
  program: {mode: ideal, error: 0, rounds: 0, pulses_per_round: 0}
  buffer: {size: 4 KiB, port: 32 B, vectors: 4, read_energy: 1 pJ, write_energy: 2 pJ}
  leakage: 1 mW
chip:
  clock: 1 GHz
  mesh: 4 x 2
  link: {flit: 64 bit, hop: 2, local_hop: 1, hop_energy: 5 pJ, local_energy: 1 pJ}
  vector_unit:
    lanes: 16
    latency: 4
    ii: 1
    special_ii: 8
    word: 16 bit
    op_energy: 1 pJ
    special_op_energy: 6 pJ
    scratchpad: {size: 64 KiB, port: 32 B, read_energy: 3 pJ, write_energy: 4 pJ}
    leakage: 2 mW
  router: {leakage: 3 mW}
  host: {node: [0, 0], energy: 400 pJ, leakage: 4 mW}
not_modelled: [area]
"""

Write = Callable[..., Path]
Problems = Callable[..., list[str]]


@pytest.fixture
def small() -> str:
    """The text of a small, sound target."""
    return SMALL


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a target file into an empty working folder; its relative path is the label in messages."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str = SMALL, name: str = "chip.yaml", change: dict[str, str] | None = None) -> Path:
        for old, new in (change or {}).items():
            assert text.count(old) == 1, f"{old!r} must occur once to be changed"
            text = text.replace(old, new)
        Path(name).write_text(text, encoding="utf-8")
        return Path(name)

    return write_file


@pytest.fixture
def problems(write: Write) -> Problems:
    """Write a changed target and give what is wrong with it."""

    def load_and_fail(change: dict[str, str], text: str = SMALL, **overrides: str) -> list[str]:
        path = write(text, change=change)
        with pytest.raises(TargetError) as caught:
            load(path, overrides or None)
        return caught.value.problems

    return load_and_fail
