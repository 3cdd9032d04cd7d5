"""`ohmflow targets show`, its rows of a device with a law. OHMFLOW_UPDATE_GOLDEN=1 rewrites the golden table."""

import os
from itertools import dropwhile, takewhile
from pathlib import Path

from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
GOLDEN = Path(__file__).parents[2] / "golden" / "targets" / "show_protonic_device.txt"
LAW = """\
name: protonic-law
summary: "protonic-psg with the law of its device"
extends: protonic-psg

device:
  model: protonic
  parameters:
    source: "made up for this test"
    confidence: low
    dw_min: 0.002
    w_max: 0.8
    w_min: -1
    width_ns: 5
    amplitude_V: 10
    beta: 0.8
    hop_nm: 0.3
    electrolyte_nm: 10
"""


def test_device_with_a_law_is_shown_as_the_golden_has_it(shell: Runner, tmp_path: Path) -> None:
    (tmp_path / "protonic-law.yaml").write_text(LAW)
    lines = [line.rstrip() for line in shell("targets", "show", str(tmp_path / "protonic-law.yaml")).splitlines()]
    from_device = dropwhile(lambda line: not line.startswith("device."), lines)
    own = list(takewhile(lambda line: line.startswith(("device.", " ")), from_device))
    text = "\n".join(own) + "\n"
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), f"{GOLDEN}: OHMFLOW_UPDATE_GOLDEN=1 rewrites it"
