import random

import pytest
import yaml

from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load


def leaf_paths(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaf_paths(value, (*path, key))
    elif path[-1] not in ("source", "confidence", "summary"):
        yield path


def changed(text: str) -> list[str]:
    """Other values to try for a leaf, most likely ones first."""
    parts = text.split()
    number, unit = parts[0], " ".join(parts[1:])
    others = [f"{factor}{unit and ' ' + unit}" for factor in (_times(number, 2), _times(number, "1/2")) if factor]
    flips = {"true": "false", "false": "true", "half-select": "full", "ideal": "write-verify"}
    swaps = {"abs-max": "none", "iterative": "none", "4 x 2": "4 x 3", "small": "smaller"}
    return others + [new for old, new in (flips | swaps).items() if text == old]


def _times(number: str, factor: object) -> str | None:
    try:
        value = float(number)
    except ValueError:
        return None
    new = (value or 1.0) * (2 if factor == 2 else 0.5)
    return str(int(new)) if new == int(new) and "." not in number else f"{new:g}"


def test_hash_does_not_change_with_form(write, small: str) -> None:
    plain = load(write()).content_hash
    data = yaml.safe_load(small.replace("true", "'true'"))
    shuffled = yaml.safe_dump(shuffle(data, random.Random(1)), default_flow_style=True).replace("'true'", "true")
    assert load(write(shuffled)).content_hash == plain
    assert load(write("# a comment\n" + small.replace("\nchip:", "\n\n# and more\nchip:"))).content_hash == plain
    assert load(write(name="elsewhere.yaml")).content_hash == plain


def shuffle(node, rng: random.Random):
    if not isinstance(node, dict):
        return node
    keys = list(node)
    rng.shuffle(keys)
    return {key: shuffle(node[key], rng) for key in keys}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: 200 MHz", "rate: 0.2 GHz"),
        ("size: 4 KiB", "size: 4096 B"),
        ("dw_min: 0.001", "dw_min: 1e-3"),
        ("noise: 0.06", "noise: {value: 0.060, source: a paper, confidence: high}"),
        ("mesh: 4 x 2", "mesh: 4x2"),
        ("summary: A small target for tests", "summary: Another summary"),
        ("confidence: low", "confidence: high"),
        ("dw_min: 0.001", "dw_min: 0.001, dw_min_ctoc: 0"),  # that is its default
        ("tile:\n", "tile:\n  transposable: true\n"),
        ("  mesh:", "  tiles_per_node: 1\n  mesh:"),
    ],
)
def test_hash_does_not_change_with_spelling_provenance_or_spelt_out_defaults(write, old: str, new: str) -> None:
    assert load(write(change={old: new})).content_hash == load(write()).content_hash


def test_hash_does_not_depend_on_whether_values_are_inherited(write, small: str) -> None:
    plain = load(write()).content_hash
    write(name="base.yaml")
    write(small.split("chip:")[0].replace("rows: 64", "rows: 8") + "\nextends: base.yaml\n", "child.yaml")
    assert load("child.yaml", {"tile.crossbar.rows": "64"}).content_hash == plain


def test_hash_changes_with_any_value(write, small: str) -> None:
    plain = load(write()).content_hash
    text = yaml.load(small, yaml.BaseLoader)
    tried = 0
    for path in leaf_paths(text):
        leaf = text
        for key in path:
            leaf = leaf[key]
        if path in (("device", "model"), ("tile", "crossbar", "cell"), ("tile", "update", "scheme")):
            continue  # one choice only, or other parameters
        candidates = {("chip", "host", "node"): ["[1, 1]"], ("not_modelled",): ["[area, tile.driver]"]}.get(path)
        seen = set()
        for candidate in candidates or changed(leaf):
            try:
                seen.add(load("chip.yaml", {".".join(path): candidate}).content_hash)
            except TargetError:
                continue  # the change breaks a rule between values
            break
        if path == ("tile", "program", "mode"):
            rounds = {"tile.program.rounds": "1", "tile.program.pulses_per_round": "1"}
            written = load("chip.yaml", {**rounds, "tile.program.mode": "write-verify"}).content_hash
            assert written != load("chip.yaml", rounds).content_hash
            tried += 1
            continue
        assert len(seen) == 1, f"no other value of {path} was sound"
        assert plain not in seen, f"the hash does not depend on {path}"
        tried += 1
    assert tried > 60


def test_hash_is_sha256_in_hexadecimal(write) -> None:
    digest = load(write()).content_hash
    assert len(digest) == 64
    assert int(digest, 16) >= 0
