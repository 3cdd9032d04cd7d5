"""Train three networks on Fashion-MNIST, on three chips and in float32, and tabulate what came of it.

    python examples/reproduce/fashion_mnist.py [--data FOLDER] [--folder runs/fashion-mnist] [--processes 2] [--quick]

Every cell of the table is one command, `ohmflow train …` or `float_training.py …`, that writes a folder of its own.
Started again, the study skips the cells that are done and goes on with those that were broken off. When it ends, it
writes `results.csv` and `results.json`, and the table in `docs/fashion-mnist.md`; `--table` does only this.
`--quick` trains each network for an epoch on few images, to see that all is in place, and leaves the page alone.
"""

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # also where this file is run by another script

from fashion_mnist_table import Cell, Recipe, collect, write_page, write_results  # noqa: E402

ROOT = HERE.parents[1]
DATA = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package dataset-fashion-mnist puts its files."""

RECIPES = (
    Recipe("LeNet-5", "lenet5.onnx", images=60_000, epochs=12, batch=8, lr=0.05, schedule="cosine", fill=0.2),
    Recipe("Perceptron", "fashion_mlp.onnx", images=60_000, epochs=12, batch=8, lr=0.2, schedule="cosine", fill=0.5),
    Recipe(
        "Residual", "resnet_small.onnx", 10_000, 12, batch=8, lr=0.05, schedule="cosine", fill=0.5, packing="spread"
    ),
)
CHIPS = ("rpu-2016", "protonic-psg", "ideal", "float")
QUICK_IMAGES, QUICK_TESTS = 400, 200


@dataclass(frozen=True)
class Study:
    """Where the study reads and writes, and how much of the test set it takes."""

    data: str
    folder: Path
    tests: int | None

    def command(self, cell: Cell) -> list[str]:
        """The command line that trains a cell, or goes on with it."""
        recipe, output = cell.recipe, self.folder / cell.name
        if cell.chip != "float" and (output / "run.json").is_file():
            return [str(Path(sys.executable).with_name("ohmflow")), "train", "--resume", str(output)]
        options = {
            "--data": self.data,
            "--val": "0",
            "--limit": str(recipe.images),
            **({"--limit-test": str(self.tests)} if self.tests else {}),
            "--epochs": str(recipe.epochs),
            "--batch": str(recipe.batch),
            "--lr": str(recipe.lr),
            "--lr-schedule": recipe.schedule,
            "--seed": str(cell.seed),
            "-o": str(output),
        }
        model = str(ROOT / "examples" / "models" / recipe.model)
        words = [word for pair in options.items() for word in pair]
        if cell.chip == "float":
            return [sys.executable, str(HERE / "float_training.py"), model, *words]
        words += ["--weight-fill", str(recipe.fill), "--packing", recipe.packing]
        words += ["--eval-every", str(recipe.eval_every), "--overwrite"]
        return [str(Path(sys.executable).with_name("ohmflow")), "train", model, "-t", cell.chip, *words]

    def is_done(self, cell: Cell) -> bool:
        """Whether the cell's folder holds a finished training; its summary is written last."""
        return (self.folder / cell.name / "summary.json").is_file()

    def train(self, cell: Cell) -> float:
        """Train a cell, its output in a log beside its folder; seconds.

        Raises:
            CalledProcessError: the training failed.
        """
        command = self.command(cell)
        started = time.perf_counter()
        with (self.folder / f"{cell.name}.log").open("a") as log:
            print("$", *command, file=log, flush=True)
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)
        return time.perf_counter() - started


def claim(folder: Path, recipes: tuple[Recipe, ...]) -> bool:
    """Make the study's folder, or say whether the one that is there belongs to the same recipes."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps([asdict(recipe) for recipe in recipes], indent=1) + "\n"
    file = folder / "recipes.json"
    if not file.is_file():
        file.write_text(told)
    return file.read_text() == told


def run(study: Study, cells: list[Cell], processes: int) -> list[Cell]:
    """Train the cells that are not done, and return those that failed."""
    waiting = [cell for cell in cells if not study.is_done(cell)]
    print(f"{len(cells) - len(waiting)} of {len(cells)} cells are done; {len(waiting)} to train", flush=True)
    failed = []
    with ThreadPoolExecutor(processes) as pool:
        running = {pool.submit(study.train, cell): cell for cell in waiting}
        try:
            for future in as_completed(running):
                cell, fault = running[future], future.exception()
                if isinstance(fault, subprocess.CalledProcessError):
                    failed.append(cell)
                    print(f"{cell.name:24} failed; see {study.folder / cell.name}.log", flush=True)
                else:
                    print(f"{cell.name:24} {future.result() / 60:6.1f} min", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # trainings got the signal too, and save their state
            raise
    return failed


def main() -> int:
    """Train, then write the table."""
    parser = argparse.ArgumentParser(description="Train networks on Fashion-MNIST, on chips and in float32.")
    parser.add_argument("--data", default=DATA, help=f"folder of the four IDX files [{DATA}]")
    parser.add_argument("--folder", type=Path, help="where runs and results go [runs/fashion-mnist]")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time")
    parser.add_argument("--seed", type=int, default=0, help="of order, devices and noise")
    parser.add_argument("--only", nargs="+", metavar="TEXT", default=[""], help="cells whose names hold one of these")
    parser.add_argument("--quick", action="store_true", help=f"one epoch on {QUICK_IMAGES} images")
    parser.add_argument("--table", action="store_true", help="train nothing, tabulate what is done")
    parser.add_argument("--page", type=Path, help="page whose table is rewritten [docs/fashion-mnist.md, quick: none]")
    asked = parser.parse_args()
    if not Path(asked.data).is_dir():
        print(f"--data {asked.data}: must be a folder of IDX files, not missing; on Debian, apt install", end=" ")
        print("dataset-fashion-mnist, elsewhere fetch them from github.com/zalandoresearch/fashion-mnist")
        return 2
    recipes = RECIPES
    if asked.quick:
        recipes = tuple(replace(recipe, images=QUICK_IMAGES, epochs=1) for recipe in RECIPES)
    folder = asked.folder or Path("runs/fashion-mnist-quick" if asked.quick else "runs/fashion-mnist")
    page = asked.page or (None if asked.quick else ROOT / "docs" / "fashion-mnist.md")
    study = Study(asked.data, folder, QUICK_TESTS if asked.quick else None)
    if not claim(folder, recipes):
        print(
            f"--folder {folder}: must be new or hold trainings by these recipes, not by others; choose another folder"
        )
        return 2
    every = [Cell(recipe, chip, asked.seed) for recipe in recipes for chip in CHIPS]
    chosen = [cell for cell in every if any(text in cell.name for text in asked.only)]
    try:
        failed = [] if asked.table else run(study, chosen, asked.processes)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here")
        return 130
    results = collect(folder, [cell for cell in every if study.is_done(cell)], asked.data, study.tests)
    write_results(folder, results)
    print(write_page(page, results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
