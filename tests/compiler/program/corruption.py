"""Damages a stored program and gives it the hashes of what it is now, so that only its contents tell."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from ohmflow.compiler.program.storage import npz_bytes


def tables_of(folder: Path) -> dict[str, np.ndarray]:
    """The tables of streams.npz, by name."""
    with np.load(io.BytesIO((folder / "streams.npz").read_bytes())) as tables:
        return {name: tables[name].copy() for name in tables.files}


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Write a file of a program folder, and its hash into the manifest."""
    (folder / name).write_bytes(data)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    file.write_text(json.dumps(manifest))


def rewrite_tables(folder: Path, tables: dict[str, np.ndarray]) -> None:
    """Write streams.npz."""
    rewrite(folder, "streams.npz", npz_bytes(tables))


def damage(rng: np.random.Generator, tables: dict[str, np.ndarray]) -> str:
    """Change one number of one table, or one table's size or type; returns what was done."""
    name = str(rng.choice(sorted(n for n, t in tables.items() if t.size)))
    table = tables[name]
    match rng.integers(0, 12):
        case 0:
            tables[name] = table[: int(rng.integers(0, len(table)))]
            return f"{name} cut"
        case 1:
            tables[name] = np.concatenate([table, table[-1:]])
            return f"{name} longer"
        case 2:
            i, j = rng.integers(0, len(table), 2)
            table[[i, j]] = table[[j, i]]
            return f"{name} {i} and {j} swapped"
        case 3 if table.dtype.names is None:
            tables[name] = table.astype(rng.choice(["float64", "int64", "int8", "uint32"]))
            return f"{name} of type {tables[name].dtype}"
        case _:
            i = int(rng.integers(0, len(table)))
            column = str(rng.choice(table.dtype.names)) if table.dtype.names else ""
            view = table[column] if column else table
            where = (i, *(int(rng.integers(0, n)) for n in view.shape[1:]))
            old = int(view[where])
            bits = 8 * view.dtype.itemsize
            changes = [
                old + 1,
                old - 1,
                -old,
                0,
                -1,
                old ^ (1 << int(rng.integers(0, bits - 1))),
                int(rng.integers(0, 40)),
            ]
            view[where] = np.array(changes[int(rng.integers(0, len(changes)))]).astype(view.dtype)
            return f"{name}[{i}] {column} {old} to {int(view[where])}"
