"""Writing and reading a program folder.

```
PROGRAM/  program.mlir  streams.npz  segments.onnx  source.onnx  weights.safetensors  mapping.json  manifest.json
```
`manifest.json` holds the sha256 of every other file; a file that does not match is refused by name.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from pydantic import BaseModel, ConfigDict, ValidationError

from ohmflow.compiler.program.entry import Argument, Entry
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.program import (
    FORMAT_VERSION,
    ArrayRecord,
    BlockRecord,
    Chip,
    Port,
    Program,
    SegmentRecord,
    StateRecord,
    UnitRecord,
)
from ohmflow.compiler.program.verify import check_table, verify_program

_TABLES = (
    "operations",
    "operands",
    "values",
    "loops",
    "groups",
    "instructions",
    "stream",
    "stream_loops",
    "channels",
    "route",
    "trees",
    "windows",
    "kept",
)

_LINK_TABLES = ("hop", "flit_cycles", "crossing")
"""What is stored of each link of the chip."""

_FILES = ("program.mlir", "streams.npz", "segments.onnx", "source.onnx", "weights.safetensors", "mapping.json")
"""Files beside the manifest."""


class _ArgumentText(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    kind: str
    dtype: str
    shape: list[int]
    keep: float | None = None


class _MarkText(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    loop: int
    rule: str
    parameters: str


class _EntryText(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    arguments: list[_ArgumentText]
    results: list[_ArgumentText]
    marks: list[_MarkText] = []
    kept: list[str] = []


class _ManifestText(BaseModel):
    """What reading relies on; the rest of a manifest is for its readers."""

    model_config = ConfigDict(strict=True)
    format_version: int
    model: str
    target: str
    target_hash: str
    loss: str | None
    memory: dict[str, dict[str, list[int]]]
    files: dict[str, str]
    entries: dict[str, _EntryText]


_UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OverflowError, MemoryError, NotImplementedError),
    *(zlib.error, zipfile.BadZipFile, safetensors.SafetensorError),
)
"""What readers of damaged JSON, archives and tensors raise."""


def save_program(program: Program, folder: Path) -> None:
    """Write `program` as `folder`, which is made if needed.

    Raises:
        OSError: the folder can not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {f"{e.name}/{t}": getattr(e, t) for e in program.entries.values() for t in _TABLES}
    tables |= {f"chip/{name}": getattr(program.chip, name) for name in _LINK_TABLES}
    files = {
        "program.mlir": program.tile_ir.encode(),
        "streams.npz": npz_bytes(tables),
        "segments.onnx": program.segments_onnx,
        "source.onnx": program.source_onnx,
        "weights.safetensors": safetensors.numpy.save(
            {name: np.ascontiguousarray(value) for name, value in sorted(program.weights.items())}
        ),
        "mapping.json": _json(_mapping(program)),
    }
    manifest = {
        **program.manifest,
        "format_version": FORMAT_VERSION,
        "entries": {
            e.name: {
                "arguments": [asdict(a) for a in e.arguments],
                "results": [asdict(a) for a in e.results],
                "marks": [{"loop": k, "rule": m.rule, "parameters": m.text} for k, m in sorted(e.marks.items())],
                "kept": list(e.kept_names),
            }
            for e in program.entries.values()
        },
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    for name, data in files.items():
        _write(folder / name, data)
    _write(folder / "manifest.json", _json(manifest))


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        error.filename = str(file)  # a full disk is found while writing, when Python no longer knows the name
        raise


def load_program(folder: Path) -> Program:
    """Read a program folder.

    Raises:
        ProgramError: a file is missing, damaged or of another version, or tables contradict each other.
    """
    manifest, checked = _read_manifest(folder)
    data: dict[str, bytes] = {}
    for name in _FILES:
        file = folder / name
        if not file.is_file():
            raise ProgramError(f"{file}: must exist, as manifest.json lists it, but is missing; compile again")
        data[name] = file.read_bytes()
        if hashlib.sha256(data[name]).hexdigest() != checked.files[name]:
            raise ProgramError(f"{file}: must have the sha256 that manifest.json lists, but was changed; compile again")
    try:
        program = _parsed(folder, manifest, checked, data)
    except _UNREADABLE as error:
        raise ProgramError(
            f"{folder}: must hold files of one program as they were written, not changed ones "
            f"({type(error).__name__}: {error}); compile again"
        ) from error
    verify_program(program, str(folder))
    return program


def _parsed(folder: Path, manifest: dict[str, Any], checked: _ManifestText, data: dict[str, bytes]) -> Program:
    """The program that files hold, as far as they can be read; nothing in it is checked against another."""
    mapping = json.loads(data["mapping.json"])
    with np.load(io.BytesIO(data["streams.npz"]), allow_pickle=False) as tables:
        stored = {name.partition("/")[0] for name in tables.files} - {"chip"}
        if stored != set(checked.entries):
            raise ProgramError(
                f"{folder / 'manifest.json'}: entries must be {_told(stored)}, which streams.npz holds, "
                f"not {_told(set(checked.entries))}; compile again"
            )
        entries = {
            name: Entry(
                name=name,
                arguments=tuple(_argument(a) for a in text.arguments),
                results=tuple(_argument(a) for a in text.results),
                marks={m.loop: LoopMark.of(m.rule, m.parameters) for m in text.marks},
                kept_names=tuple(text.kept),
                **{t: _table(folder, tables, name, t) for t in _TABLES},
            )
            for name, text in checked.entries.items()
        }
        links = {name: tables[f"chip/{name}"] for name in _LINK_TABLES}
    chip = mapping["chip"]
    return Program(
        manifest={k: v for k, v in manifest.items() if k not in ("files", "entries", "format_version")},
        arrays=tuple(
            ArrayRecord(
                **{
                    **a,
                    "blocks": tuple(BlockRecord(**b) for b in a["blocks"]),
                    "part": None if a["part"] is None else tuple(a["part"]),
                }
            )
            for a in mapping["arrays"]
        ),
        states=tuple(StateRecord(**{**s, "shape": tuple(s["shape"])}) for s in mapping["states"]),
        segments=tuple(
            SegmentRecord(s["name"], s["kind"], _ports(s["inputs"]), _ports(s["outputs"]), tuple(s["operators"]))
            for s in mapping["segments"]
        ),
        entries=entries,
        chip=Chip(
            units=tuple(UnitRecord(**u) for u in chip["units"]),
            links=tuple(chip["links"]),
            link_router=tuple((x, y) for x, y in chip["link_router"]),
            **links,
            mesh=tuple(chip["mesh"]) if chip["mesh"] else None,
            tiles=chip["tiles"],
            clock_hz=chip["clock_hz"],
            chips=tuple(chip["chips"]) if chip["chips"] else None,
        ),
        weights=safetensors.numpy.load(data["weights.safetensors"]),
        tile_ir=data["program.mlir"].decode(),
        segments_onnx=data["segments.onnx"],
        source_onnx=data["source.onnx"],
    )


def _mapping(program: Program) -> dict[str, Any]:
    """Which weight sits where, and the records that tables index; plain JSON values."""
    chip = asdict(program.chip)
    for name in _LINK_TABLES:
        del chip[name]
    return {
        "arrays": [asdict(a) for a in program.arrays],
        "states": [asdict(s) for s in program.states],
        "segments": [asdict(s) for s in program.segments],
        "chip": chip,
    }


def _read_manifest(folder: Path) -> tuple[dict[str, Any], _ManifestText]:
    """The manifest as it is written, and what reading relies on, checked."""
    file = folder / "manifest.json"
    if not file.is_file():
        raise ProgramError(
            f"{folder}: a program must be a folder with a manifest.json, which is not there; "
            "make one with 'ohmflow compile MODEL -t TARGET -o PROGRAM'"
        )
    try:
        manifest = json.loads(file.read_bytes())
    except ValueError as error:
        raise ProgramError(f"{file}: must be JSON, but is not ({error}); compile again") from error
    if not isinstance(manifest, dict):
        raise ProgramError(f"{file}: must be a JSON object, not a {type(manifest).__name__}; compile again")
    version = manifest.get("format_version")
    if version is not None and version != FORMAT_VERSION:
        raise ProgramError(f"{file}: format_version must be {FORMAT_VERSION}, not {version}; compile the model again")
    try:
        checked = _ManifestText.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ProgramError(
            f"{file}: {where} must be that of a program's manifest, but: {first['msg']}; compile again"
        ) from error
    if set(checked.files) != set(_FILES):
        raise ProgramError(
            f"{file}: files must be {_told(set(_FILES))}, not {_told(set(checked.files))}; compile again"
        )
    return manifest, checked


def _told(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _table(folder: Path, tables: Any, entry: str, name: str) -> Any:
    table = tables[f"{entry}/{name}"]
    check_table(f"{folder / 'streams.npz'}: {entry}/{name}", name, table)
    return table


def _argument(text: _ArgumentText) -> Argument:
    return Argument(text.name, text.kind, text.dtype, tuple(text.shape), text.keep)


def _ports(texts: list[dict[str, Any]]) -> tuple[Port, ...]:
    return tuple(Port(p["name"], p["dtype"], tuple(p["shape"])) for p in texts)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def npz_bytes(tables: dict[str, Any]) -> bytes:
    """Serialise arrays as an .npz whose bytes depend on nothing but the arrays (no time stamps)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(tables):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(tables[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0)), buffer.getvalue())
    return out.getvalue()
