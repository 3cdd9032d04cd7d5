"""A target file with the fitted device: every number with its interval, where it is from, and how sure it is."""

import hashlib
import tempfile
from pathlib import Path

from ohmflow.runtime.fit.conclude import Concluded, Estimate
from ohmflow.runtime.fit.device_parameters import FLAGS, curves, table
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target


def fingerprint(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def target_text(fitted: Concluded, name: str, base: str, measured: str, digest: str) -> str:
    """Write the file.

    Args:
        fitted: the device model.
        name: of the target.
        base: name or path of the target that it extends.
        measured: name of the file of the measurement.
        digest: its SHA-256.

    Returns:
        YAML; equal fits give equal text.
    """
    trains, model = fitted.likely.trains, fitted.likely.model
    devices = "1 device" if trains.devices == 1 else f"{trains.devices} devices"
    source = (
        f"fitted by 'ohmflow targets fit' to {measured} (sha256 {digest}): {devices}, {trains.y.size} reads, "
        "most likely values; comments are 95 % intervals"
    )
    lines = [
        f"# The device of {measured}, fitted as {model.name}. All but the device is that of {base}.",
        f"name: {name}",
        f"summary: {_quoted(f'{base} with the device measured in {measured}')}",
        f"extends: {_quoted(base)}",
        "",
        "device:",
        f"  model: {model.device}",
        "  parameters:",
        f"    source: {_quoted(source)}",
        "    confidence: medium",
    ]
    for key, estimate in fitted.parameters.items():
        if "[" not in key:
            lines += _entry(key, _number(key, estimate), _interval(estimate), estimate)
    for key, nodes in curves(fitted).items():
        told = "; ".join(_interval(e) or "not told" for e in nodes)
        lines.append(f"    {key}: [{', '.join(f'{e.value:.6g}' for e in nodes)}]  # {told}")
    lines += _table(fitted)
    lines += ["  conductance:", f"    source: {_quoted(source)}", "    confidence: medium"]
    for key, estimate in (("min", fitted.g_min), ("max", fitted.g_max)):
        lines += _entry(key, f"{estimate.value * 1e9:.6g} nS", _interval(estimate, 1e9, " nS"), estimate)
    return "\n".join(lines) + "\n"


def _table(fitted: Concluded) -> list[str]:
    steps = table(fitted)
    if steps is None:
        return []
    lines = [
        "    # Steps in device units; a row a state, a column a level. The noise of reads is taken out.",
        "    table:",
    ]
    for key, rows in steps.items():
        if isinstance(rows[0], list):
            lines += [f"      {key}:", *(f"        - [{', '.join(f'{x:.5g}' for x in row)}]" for row in rows)]
        else:
            lines.append(f"      {key}: [{', '.join(f'{x:.6g}' for x in rows)}]")
    return lines


def _number(key: str, estimate: Estimate) -> str:
    if key in FLAGS:
        return "true" if estimate.value else "false"
    return f"{estimate.value:.6g}"


def _interval(estimate: Estimate, factor: float = 1.0, unit: str = "") -> str:
    if not estimate.told:
        return ""
    return f"{estimate.low * factor:.5g} to {estimate.high * factor:.5g}{unit}"


def _entry(key: str, value: str, interval: str, estimate: Estimate) -> list[str]:
    if interval:
        note = f"; {estimate.note}" if estimate.note else ""
        return [f"    {key}: {value}  # {interval}{note}"]
    why = estimate.note or "not told"
    return [f"    {key}: {{value: {value}, source: {_quoted(f'assumption: {why}')}, confidence: low}}"]


def _quoted(text: str) -> str:
    # In single quotes YAML takes everything as it is but the quote.
    return "'" + text.replace("'", "''") + "'"


def check(text: str, name: str, folder: Path) -> Target:
    """Load a target file's text as it will be loaded from a folder.

    Args:
        text: of the file.
        name: of the target.
        folder: where it is to stand; a base given as a path is sought from there.

    Returns:
        The target.

    Raises:
        TargetError: the base is unknown, or does not go with the device.
    """
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f".{name}-", suffix=".yaml", encoding="utf-8") as part:
        part.write(text)
        part.flush()
        return load(Path(part.name))
