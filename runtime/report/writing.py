"""Writing `report.json`, `report.html` and what the page is made from beside a run's results."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.report.page import run_page
from ohmflow.runtime.report.record import FACTS, load_run
from ohmflow.runtime.report.step_files import write_step_files
from ohmflow.runtime.training.atomic import replace_text
from ohmflow.targets.schema.target import Target

REPORT = "report.html"


def write_report(folder: Path, facts: Mapping[str, Any], program: Program, target: Target) -> None:
    """Write the facts, a step's power and critical path, and the page of a run whose other files are written.

    Args:
        folder: of the run.
        facts: of `ohmflow.runtime.report.facts.run_facts`.
        program: that ran.
        target: on which.

    Raises:
        OSError: a file can not be written.
        ReportError: the run's files do not belong together.
    """
    replace_text(folder / FACTS, json.dumps(facts, indent=1, allow_nan=False, sort_keys=True) + "\n")
    write_step_files(folder, program, target)
    remake_report(folder)


def remake_report(folder: Path) -> Path:
    """Make a run's page again from its files.

    Returns:
        The page.

    Raises:
        OSError: it can not be written.
        ReportError: the folder holds no finished run.
    """
    page = folder / REPORT
    replace_text(page, run_page(load_run(folder)))
    return page
