"""Case k of the mutated targets: files for an empty folder, `case.yaml` among them, and options of the shell.

python -m tests.fuzz.mutate_targets 1234 FOLDER       writes case 1234 and says what was done to it
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.bases import TARGETS, target_text

COUNT = 2000
_SEED = 40_000_000

VALUES = (
    *(
        "",
        "null",
        "~",
        "true",
        "no",
        "0",
        "-1",
        "1",
        "2",
        "3",
        "1.5",
        "nan",
        ".inf",
        "-.inf",
        "1e400",
        "1e-400",
        "0x10",
    ),
    *("1_000", "1e18", "99999999999999999999", "9" * 400, "1" + "0" * 5000, "2024-01-01", "12:30:45", "[]", "{}"),
    *("[1, 2]", "[1 pJ, 2 pJ]", "{value: 1 pJ}", "{value: {value: 1 pJ}}", "{value: 1 pJ, source: [a], confidence: 3}"),
    *(
        "{value: 2, confidence: sure}",
        "{source: x}",
        "1 pJ",
        "15 aW",
        "1 parsec",
        "1 pj",
        "5 ns ns",
        "5 ns/",
        "1 pJ^99",
    ),
    *(
        "1 s^9*s^9",
        "1/0 s",
        "1 PJ",
        "1 m2",
        "3 µs",
        "3 μs",
        "3 Ω",
        "1 kB",
        "64 KiB",
        "1 GiB",
        "1e9 GiB",
        "7 bit",
        "1 THz",
    ),
    *("1e12 THz", "1e-15 Hz", "0 Hz", "16 x 16", "0 x 0", "1 x 1", "16x16x16", "-2 x 3", "100000 x 100000", "3 × 4"),
    *("999999999 x 999999999", "1e3 x 2", "65536", "2147483648", "4294967297", "9223372036854775808", "'quoted'"),
    *(
        '"line\\nbreak"',
        '"\\0"',
        '"\\ud800"',
        "&a 1",
        "*a",
        "*absent",
        "!!int 3",
        "!!float x",
        "!!binary aGk=",
        "!mine 3",
    ),
    *(
        "!!python/object/apply:os.system ['touch ../pwned']",
        "!!python/name:os.system",
        "!!set {a, b}",
        "<<",
        "? x",
        "|",
    ),
    *(
        "ideal",
        "linear-step",
        "exp-step",
        "nonsense",
        "write-verify",
        "stochastic",
        "ünïcode",
        "a: b",
        "#",
        "%",
        "@",
        "`",
    ),
)
SETS = (
    *(
        "tile.crossbar.rows",
        "tile.crossbar.cols",
        "chip.mesh",
        "chip.clock",
        "device.model",
        "device.parameters.dw_min",
    ),
    *(
        "tile.adc.bits",
        "tile.adc.rate",
        "tile.dac.bits",
        "tile.update.max_train",
        "chip.vector_unit.lanes",
        "tile.read",
    ),
    *(
        "chip.sram",
        "chip",
        "tile",
        "device",
        "not_modelled",
        "extends",
        "abstract",
        "name",
        "summary",
        "a.b.c.d.e",
        ".",
    ),
    *(
        "chip.link.flit",
        "tile.buffer.size",
        "tile.program.mode",
        "device.pulse.width",
        "chip.host.node",
        "",
        "tile.adc",
    ),
    *("chip.vector_unit.scratchpad.size", "chip.tiles_per_node", "tile.unlimited", "device.conductance.max", "chip.\n"),
)


@dataclass
class TargetMutant:
    """Files and options.

    Attributes:
        files: bytes by name.
        options: words of the shell after `-t case.yaml`.
        told: what was done to which base.
    """

    files: dict[str, bytes]
    options: list[str] = field(default_factory=list)
    told: str = ""


def mutant(case: int) -> TargetMutant:
    """Make case `case`: characters, lines, values, keys, structures, files that extend each other, options."""
    draws = Random(_SEED + case)
    base = draws.choice(TARGETS[:3]) if draws.random() < 0.95 else TARGETS[3]
    text = target_text(base)
    if base != "cmos-28nm-base" and draws.random() < 0.35:
        text = f"name: case\nsummary: A case\nextends: {base}\ntile:\n  crossbar: {{rows: 64}}\n"
    kinds = (_characters, _lines, _value, _value, _value, _key, _key, _structure, _chain, _options)
    kind = kinds[case % len(kinds)]
    mutated = kind(text, draws)
    mutated.told = f"{base}: {kind.__name__[1:]} {mutated.told}"
    return mutated


def _one(text: str, told: str) -> TargetMutant:
    return TargetMutant({"case.yaml": text.encode("utf-8", "surrogatepass")}, told=told)


def _characters(text: str, draws: Random) -> TargetMutant:
    data = bytearray(text.encode())
    for _ in range(draws.choice((1, 1, 3, 10))):
        place = draws.randrange(len(data))
        match draws.randrange(4):
            case 0:
                data[place] ^= 1 << draws.randrange(8)
            case 1:
                data[place] = draws.choice(b"{}[]:,-?&*!|>'\"%@`#\t\n \x00\xff\x85")
            case 2:
                del data[place : place + draws.choice((1, 5, 60))]
            case 3:
                data[place:place] = draws.choice(
                    (b":", b"\n", b"  ", b"\t", b"{", b"- ", b"\xef\xbb\xbf", b"\xe2\x80\xa8")
                )
    return TargetMutant({"case.yaml": bytes(data)}, told="")


def _lines(text: str, draws: Random) -> TargetMutant:
    lines = text.splitlines()
    place = draws.randrange(len(lines))
    match action := draws.choice(("lose", "double", "swap", "indent", "outdent", "cut", "move")):
        case "lose":
            del lines[place : place + draws.choice((1, 1, 4))]
        case "double":
            lines.insert(draws.randrange(len(lines)), lines[place])
        case "swap":
            other = draws.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        case "indent":
            lines[place] = draws.choice(("  ", " ", "\t")) + lines[place]
        case "outdent":
            lines[place] = lines[place].lstrip()
        case "cut":
            del lines[place:]
        case "move":
            lines.insert(0, lines.pop(place))
    return _one("\n".join(lines) + "\n", f"{action} line {place + 1}")


def _value(text: str, draws: Random) -> TargetMutant:
    """Another value behind a colon: after a key on its own line, or inside braces."""
    places = [k for k, c in enumerate(text[:-2]) if c == ":" and text[k + 1] == " " and text[k + 2] not in "#\n"]
    place = draws.choice(places) + 2
    end = place
    while end < len(text) and text[end] not in ",}\n":
        end += 1
    value = draws.choice(VALUES)
    return _one(text[:place] + value + text[end:], f"line {text.count(chr(10), 0, place) + 1} = {value[:40]!r}")


def _key(text: str, draws: Random) -> TargetMutant:
    places = [k for k, c in enumerate(text) if c == ":" and text[k - 1].isalnum()]
    end = draws.choice(places)
    start = end
    while start and (text[start - 1].isalnum() or text[start - 1] in "_-"):
        start -= 1
    key = text[start:end]
    letter = draws.randrange(len(key)) if key else 0
    new = draws.choice(
        (
            key[:letter] + key[letter + 1 :],
            key[:letter] + "x" + key[letter:],
            key.upper(),
            *(
                "",
                "<<",
                "null",
                "'a b'",
                "? [1]",
                "name",
                "extends",
                "value",
                "rows",
                "__class__",
                "model_fields",
                "copy",
            ),
        )
    )
    return _one(text[:start] + new + text[end:], f"{key} -> {new}")


def _structure(text: str, draws: Random) -> TargetMutant:
    bomb = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, draws.choice((3, 5, 12)))
    )
    maps = "m0: &m0 {a: 1}\n" + "".join(f"m{k}: &m{k} {{a: *m{k - 1}, b: *m{k - 1}}}\n" for k in range(1, 30))
    choices: dict[str, str] = {
        "bomb of lists": bomb + text,
        "bomb of mappings": maps + text,
        "bomb as a value": bomb + text.replace("rows:", "rows: *a2 #"),
        "recursive list": text + "\nnot_modelled: &r [*r]\n",
        "recursive mapping": text + "\nextra: &r {again: *r}\n",
        "merge keys": "base: &b {rows: 3, cols: 4}\n" + text + "\nmore: {<<: *b, rows: 5}\n",
        "merge of itself": text + "\nmore: &m {<<: *m}\n",
        "two documents": text + "\n---\n" + text,
        "deep list": text + "\nx: " + "[" * draws.choice((50, 1000, 30000)),
        "deep closed list": text + "\nx: " + "[" * 900 + "]" * 900,
        "deep mapping": text + "\nx: " + "{a: " * draws.choice((30, 60, 2000)) + "1",
        "deep blocks": text + "\n" + "".join(" " * k + "a:\n" for k in range(draws.choice((30, 60, 1500)))),
        "deep sequence": text + "\nx:\n" + "- " * draws.choice((30, 3000)) + "1\n",
        "a list": "- a\n- b\n",
        "a word": "word",
        "nothing": draws.choice(("", "\n", "# nothing", "---", "...", "\ufeff", "~")),
        "very long value": text + "\nsummary2: " + "x" * 200_000 + "\n",
        "very long number": text.replace("rows:", "rows: " + "1" * 100_000 + " #"),
        "many keys": text + "".join(f"key{k}: {k}\n" for k in range(draws.choice((100, 6000)))),
        "many missing": "name: case\nsummary: x\n" + "tile: {}\ndevice: {}\nchip: {}\n",
        "directive": "%YAML 9.9\n---\n" + text,
        "tag directive": "%TAG ! tag:mine,2000:\n---\n" + text,
        "carriage returns": text.replace("\n", draws.choice(("\r", "\r\n", "\u2028", "\x85"))),
        "tabs": text.replace("  ", "\t"),
        "anchors everywhere": text.replace(": ", ": &a ", draws.choice((1, 5, 500))),
        "long key": "? " + "k" * 2000 + "\n: 1\n" + text,
        "keys of lists": text + "\n? [a, b]\n: 1\n? {a: b}\n: 2\n",
        "quoted newlines": text + '\nname2: "a\\n\\tb\\u001b[31m"\n',
        "exponents": text.replace(" pJ", f"e{draws.choice((2, 20, 99, 300, 999, 99999))} pJ", draws.choice((1, 4, 99))),
        "negative": text.replace(": 0.", ": -0.", draws.choice((1, 3, 99))),
        "zeros": text.replace(": 1", ": 0", draws.choice((1, 3, 99))),
    }
    name = draws.choice(sorted(choices))
    mutated = _one(choices[name], name)
    if draws.random() < 0.1:
        encoding = draws.choice(("utf-16", "utf-32", "latin-1", "utf-7"))
        mutated.files["case.yaml"] = choices[name].encode(encoding, "replace")
        mutated.told += f" as {encoding}"
    return mutated


def _chain(text: str, draws: Random) -> TargetMutant:
    """Files that extend each other, and places that are no target."""
    head = "name: case\nsummary: A case\n"
    places = (
        *("../secret.yaml", "/etc/passwd", "/dev/zero", "/dev/stdin", ".", "./", "/", "case.yaml", "./case.yaml"),
        *("sub/../case.yaml", "absent.yaml", "b.yaml", "ideal", "idael", "pipe.yaml", "link.yaml", "a\\0b.yaml"),
        *(
            "[ideal, rpu-2016]",
            "{a: b}",
            "''",
            "3",
            "null",
            "x" * 5000,
            "x" * 300 + ".yaml",
            "~/x.yaml",
            "/proc/self/mem",
        ),
        *(
            "/proc/self/environ",
            "rpu-2016.yaml",
            "https://example.org/a.yaml",
            '"a\\0b.yaml"',
            '"\\n.yaml"',
            "\ufeff.yaml",
        ),
    )
    place = draws.choice(places)
    files = {"case.yaml": f"{head}extends: {place}\n".encode()}
    if place in ("b.yaml", "./case.yaml") or draws.random() < 0.3:
        length = draws.choice((1, 2, 5, 60))
        files = {"case.yaml": f"{head}extends: b0.yaml\n".encode()}
        for k in range(length):
            last = draws.choice(("case.yaml", "b0.yaml", "ideal", "absent.yaml", "./b0.yaml"))
            below = f"b{k + 1}.yaml" if k + 1 < length else last
            files[f"b{k}.yaml"] = f"name: b{k}\nsummary: x\nabstract: true\nextends: {below}\n".encode()
        place = f"a chain of {length}"
    return TargetMutant(files, told=place[:40])


def _options(text: str, draws: Random) -> TargetMutant:
    options = []
    for _ in range(draws.choice((1, 1, 2, 5))):
        path = draws.choice(SETS)
        equals = "=" if draws.random() < 0.97 else ""
        options += ["--set", f"{path}{equals}{draws.choice(VALUES)}"]
    return TargetMutant({"case.yaml": text.encode()}, options, " ".join(options)[:80])


_KINDS: tuple[Callable[[str, Random], TargetMutant], ...] = (
    _characters,
    _lines,
    _value,
    _key,
    _structure,
    _chain,
    _options,
)


if __name__ == "__main__":
    made = mutant(int(sys.argv[1]))
    for name, data in made.files.items():
        (Path(sys.argv[2]) / name).write_bytes(data)
    print(made.told, *made.options)
