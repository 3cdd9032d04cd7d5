"""A process that feeds mutants to the shell, one line of JSON for each: `python -m tests.fuzz.worker models|targets`.

It reads numbers of cases from standard input. Memory is bounded, so that a case that asks for gigabytes fails here and
not on the whole computer. What the shell prints is caught below Python, so that what libraries print is seen too.
"""

import json
import os
import re
import resource
import sys
import tempfile
import time
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from tests.fuzz.bases import ROOT

ROOM = 1 << 30
"""Bytes that a case may use beyond what the process holds when it is warm."""

_SENTENCE = re.compile(r"^.+?: .*\bmust\b.+; .+$")
_LONGEST = 20_000


class _Guard:
    """Notes files that Python opens elsewhere than in the case's folder, in installed packages or in the sources."""

    def __init__(self) -> None:
        self.allowed = tuple(
            os.path.realpath(p)
            for p in (
                sys.prefix,
                sys.base_prefix,
                ROOT,
                "/usr",
                "/lib",
                "/etc/mime.types",
                "/proc/self/statm",
                "/dev/null",
            )
        )
        self.folder = ""
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event not in ("open", "os.mkdir", "os.remove", "os.rename", "os.system", "subprocess.Popen"):
            return
        if event in ("os.system", "subprocess.Popen"):
            self.seen.append(f"{event} {arguments[0]!r}")
            return
        place = arguments[0]
        if isinstance(place, bytes):
            place = os.fsdecode(place)
        if not isinstance(place, str):
            return
        real = os.path.realpath(place)
        named = real.endswith("secret.yaml")  # a target may extend a .yaml file anywhere
        if not named and not real.startswith((self.folder, *self.allowed)):
            self.seen.append(f"{event} {place}")


class Worker:
    """Runs cases in one folder that is emptied between them."""

    def __init__(self, kind: str, box: Path) -> None:
        self.kind = kind
        self.outside = box
        self.folder = box / "case"
        self.guard = _Guard()
        (box / "secret.bin").write_bytes(bytes(4096))
        (box / "secret.yaml").write_text("name: secret\nsummary: x\nextends: ideal\n")
        self._warm_up()

    def _warm_up(self) -> None:
        from tests.fuzz.bases import model

        for entry in entry_points(group="ohmflow.devices"):
            entry.load()  # numba makes the folder of a module's kernels at import, and cases ask for any device
        self._prepare({})
        (self.folder / "case.onnx").write_bytes(model("training_forms").SerializeToString())
        for target in ("ideal", "rpu-2016"):
            self._shell(["compile", "case.onnx", "-t", target, "--emit", "disassembly"])
            self._shell(["targets", "show", target])
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.guard.folder = os.path.realpath(self.folder)

    def _prepare(self, files: dict[str, bytes]) -> None:
        os.chdir(self.outside)
        if self.folder.exists():
            for entry in sorted(self.folder.rglob("*"), reverse=True):
                entry.rmdir() if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.folder.mkdir(exist_ok=True)
        (self.folder / "inside.bin").write_bytes(bytes(4096))
        (self.folder / "sub").mkdir()
        (self.folder / "link.bin").symlink_to("../secret.bin")
        (self.folder / "link.yaml").symlink_to("case.yaml")
        for pipe in ("pipe", "pipe.yaml"):
            os.mkfifo(self.folder / pipe)
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        os.chdir(self.folder)

    def run(self, case: int) -> dict[str, Any]:
        """Run one case and judge it."""
        if self.kind == "models":
            from tests.fuzz.mutate_models import mutant as make_model

            made = make_model(case)
            files, told = {"case.onnx": made.data}, made.told
            target = ("ideal", "rpu-2016", "protonic-psg")[case % 3]
            commands = [["compile", "case.onnx", "-t", target, "--emit", "disassembly"]]
        else:
            from tests.fuzz.bases import model
            from tests.fuzz.mutate_targets import mutant as make_target

            mutated = make_target(case)
            files, told = {**mutated.files, "m.onnx": model("two_inputs").SerializeToString()}, mutated.told
            commands = [
                ["targets", "show", "case.yaml", *mutated.options],
                ["compile", "m.onnx", "-t", "case.yaml", *mutated.options, "--emit", "disassembly"],
            ]
        self._prepare(files)
        before = self._tree()
        began = time.perf_counter()
        status, said, faults = 0, "", []
        self.guard.seen.clear()
        for command in commands:
            status, out, said = self._shell(command)
            faults += _judge(status, out, said)
            if status != 0:
                break
        faults += [f"touched: {place}" for place in dict.fromkeys(self.guard.seen)]
        if self._tree() != before:
            faults.append("left files behind")
        seconds = round(time.perf_counter() - began, 2)
        return {"case": case, "told": told, "status": status, "said": said[:3000], "faults": faults, "seconds": seconds}

    def _tree(self) -> list[str]:
        return sorted(str(p.relative_to(self.outside)) for p in self.outside.rglob("*"))

    def _shell(self, words: list[str]) -> tuple[int, str, str]:
        """Exit status and what came out on both channels, whoever wrote it."""
        from ohmflow.runtime.cli.main import main

        kept = os.dup(1), os.dup(2)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            try:
                warnings.simplefilter("always")
                self.guard.on = bool(self.guard.folder)
                main(words)
                status = -1
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else -2
            finally:
                self.guard.on = False
                sys.stdout.flush()
                sys.stderr.flush()
                for number, saved in enumerate(kept, start=1):
                    os.dup2(saved, number)
                    os.close(saved)
            return status, _text(out), _text(err)


def _text(file: Any) -> str:
    file.seek(0)
    return file.read(10_000_000).decode("utf-8", "replace")  # type: ignore[no-any-return]


def _judge(status: int, out: str, said: str) -> list[str]:
    """What is wrong with how a command ended."""
    if status not in (0, 2, 3):
        return [f"exit status {status}"]
    if status == 0:
        return [f"noise: {said[:300]}"] if said else []
    faults = ["text on stdout beside an error"] if out else []
    if "Traceback" in said:
        faults.append("traceback")
    if len(said) > _LONGEST:
        faults.append(f"an error of {len(said)} characters")
    head, _, rest = said.partition("error: ")
    if head:
        faults.append(f"noise before the error: {head[:200]}")
    faults += [f"no sentence: {line[:200]!r}" for line in rest.splitlines() if not _SENTENCE.match(line)][:3]
    if any(ord(c) < 32 and c != "\n" for c in said):
        faults.append("control characters")
    return faults


def main() -> None:
    """Answer each number on standard input."""
    with os.fdopen(os.dup(1), "w") as answers, tempfile.TemporaryDirectory(prefix="fuzz-") as box:
        worker = Worker(sys.argv[1], Path(box).resolve())
        print(json.dumps({"ready": os.getpid()}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(worker.run(int(line))), file=answers, flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
