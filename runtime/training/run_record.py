"""What a run folder says of its run from the start: `run.json`, `program/` and `target.yaml`.

A folder with a `run.json` can be resumed: it is written last, after the program and the target that it names by hash.
"""

import hashlib
import json
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import save_program
from ohmflow.runtime.training.atomic import remove_parts, replace_text, sync_folder
from ohmflow.runtime.training.data import DataSource
from ohmflow.runtime.training.errors import CheckpointError, RunError
from ohmflow.runtime.training.run_folder import RESULTS, STARTING, claim_folder, is_unfinished_start
from ohmflow.runtime.training.stored_target import store_target
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.schema.target import Target

FORMAT_VERSION = 1
RECORD, PROGRAM, TARGET, CHECKPOINTS = "run.json", "program", "target.yaml", "checkpoints"
_STARTED = (RECORD, PROGRAM, TARGET, CHECKPOINTS, STARTING)


class DataRecord(BaseModel):
    """Where data are from; `source` is None for rows that were made in memory."""

    model_config = ConfigDict(extra="forbid", strict=True)
    hash: str
    source: str | None
    val: float | None = None
    test: float | None = None
    limit: int | None = None
    limit_test: int | None = None
    label: str | None = None


class OptionsRecord(BaseModel):
    """The options of a training, as `TrainOptions` names them."""

    model_config = ConfigDict(extra="forbid", strict=True)
    epochs: int
    batch: int
    lr: float
    seed: int
    update_at: str
    lr_schedule: str
    normalize: str
    eval_every: int
    patience: int | None
    memory: int


class RunRecord(BaseModel):
    """The content of `run.json`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    format_version: int
    ohmflow: str
    program_hash: str
    target: str
    target_hash: str
    data: DataRecord
    options: OptionsRecord
    checkpoint_every: int | None
    normalize: dict[str, Any] | None
    command: str | None = None

    @property
    def identity(self) -> dict[str, str]:
        """What every checkpoint of the run says of it; the number of epochs may change."""
        options = json.dumps(self.options.model_dump(exclude={"epochs"}), sort_keys=True)
        return {
            "program_hash": self.program_hash,
            "target_hash": self.target_hash,
            "data_hash": self.data.hash,
            "set_of_options_hash": hashlib.sha256(options.encode()).hexdigest(),
        }

    def train_options(self) -> TrainOptions:
        """The options, checked.

        Raises:
            RunError: one is out of range.
        """
        return TrainOptions(**self.options.model_dump())

    def data_source(self) -> DataSource | None:
        """Where to load the data from, or None for rows that were made in memory."""
        stored = self.data.model_dump(exclude={"hash"})
        return None if stored["source"] is None else DataSource(**stored)


def make_record(
    target: Target,
    source: DataSource | None,
    data_hash: str,
    options: TrainOptions,
    checkpoint_every: int | None,
    normalisation: dict[str, Any] | None,
) -> RunRecord:
    """Put a record together; the program's hash is known when the program is stored."""
    where: dict[str, Any] = {"source": None} if source is None else asdict(source)
    if where["source"] not in (None, "digits"):
        where["source"] = str(Path(where["source"]).resolve())
    return RunRecord(
        format_version=FORMAT_VERSION,
        ohmflow=version("ohmflow"),
        program_hash="",
        target=target.name,
        target_hash=target.content_hash,
        data=DataRecord(hash=data_hash, **where),
        options=OptionsRecord(**asdict(options)),
        checkpoint_every=checkpoint_every,
        normalize=normalisation,
    )


def start_folder(folder: Path, record: RunRecord, program: Program, target: Target, overwrite: bool) -> RunRecord:
    """Make a run folder that can be resumed, or leave nothing.

    Args:
        folder: new, empty, or with files when `overwrite`; those of an earlier run are removed first.
        record: what to write.
        program: to store beside it.
        target: to store beside it.
        overwrite: whether the folder may hold files.

    Returns:
        The record with the hash of the stored program.

    Raises:
        RunError: the folder can not be used.
    """
    existed = folder.is_dir()
    claim_folder(folder, overwrite)
    try:
        _remove(folder, (RECORD, *_STARTED, "summary.json", *RESULTS))
        remove_parts(folder)
        starting = folder / STARTING
        save_program(program, starting / PROGRAM)
        stored = record.model_copy(update={"program_hash": program_hash(starting / PROGRAM)})
        if store_target(target, starting / TARGET):
            (starting / TARGET).rename(folder / TARGET)
        (starting / PROGRAM).rename(folder / PROGRAM)
        sync_folder(folder)
        write_record(folder, stored)
        starting.rmdir()
    except BaseException as error:
        discard_start(folder, existed)
        if isinstance(error, OSError):
            raise RunError(
                f"-o {folder}: must take the run's files, but {error.filename} failed ({error.strerror}); free space"
            ) from error
        raise
    return stored


def discard_start(folder: Path, keep_folder: bool) -> None:
    """Remove what `start_folder` wrote, and the folder itself if it is empty then and was made for the run."""
    _remove(folder, _STARTED)
    if not keep_folder and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        entry = folder / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def clean_folder(folder: Path) -> None:
    """Remove what a killed process left half written in a folder that can be resumed."""
    _remove(folder, (STARTING,))
    remove_parts(folder)


def program_hash(folder: Path) -> str:
    """SHA-256 of a stored program's manifest, which holds that of every other file."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `run.json`.

    Raises:
        OSError: the folder can not be written.
    """
    replace_text(folder / RECORD, json.dumps(record.model_dump(), indent=1) + "\n")


def read_record(folder: Path) -> RunRecord:
    """Read `run.json`.

    Raises:
        CheckpointError: the folder is not one of a run, or its record is damaged or of another version.
    """
    file = folder / RECORD
    if not folder.is_dir():
        raise CheckpointError(f"--resume {folder}: must be the folder of a run, not a missing one; check the path")
    if not file.is_file():
        advice = "start it again" if is_unfinished_start(folder) else "give a folder that 'ohmflow train -o' wrote"
        raise CheckpointError(f"--resume {folder}: must hold a run.json, which is not there; {advice}")
    try:
        stored = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: must be JSON, but is not ({error}); start the run again") from error
    found = stored.get("format_version") if isinstance(stored, dict) else None
    if isinstance(stored, dict) and found != FORMAT_VERSION:
        raise CheckpointError(
            f"{file}: format_version must be {FORMAT_VERSION}, not {found}; resume with the version that wrote it"
        )
    try:
        return RunRecord.model_validate(stored)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise CheckpointError(
            f"{file}: {where} must be that of a run, but: {first['msg'].lower()}; start the run again"
        ) from error
