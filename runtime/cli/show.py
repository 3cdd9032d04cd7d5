"""What a person sees while a model trains, and after it: a progress bar, tables, what to read next."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.cli.show_devices import show_devices
from ohmflow.runtime.cli.show_peak import show_peak
from ohmflow.runtime.cli.show_rules import rule_lines
from ohmflow.runtime.cli.units import bar, energy, percent, share, time_text
from ohmflow.runtime.ledger.bill import Bill
from ohmflow.runtime.training.data import DataSet
from ohmflow.runtime.training.run_folder import Run
from ohmflow.runtime.training.trainer import History, TrainOptions
from ohmflow.runtime.training.trainer import Progress as Step
from ohmflow.targets.schema.target import Target


def console(stderr: bool = False) -> Console:
    """A console that is plain when it is not a terminal, and never wider than reads well."""
    screen = Console(stderr=stderr, highlight=False)
    if not screen.is_terminal:
        screen = Console(stderr=stderr, highlight=False, width=100)
    return screen


class TrainingDisplay:
    """Progress of a training, on stderr: a head line, a bar per epoch, and one line per finished epoch."""

    def __init__(
        self, program: Program, target: Target, data: DataSet, options: TrainOptions, quiet: bool = False
    ) -> None:
        self._console = console(stderr=True)
        self._quiet = quiet
        self._program, self._target, self._data, self._options = program, target, data, options
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("steps  loss {task.fields[loss]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._progress.add_task("epoch 1", total=1, loss="–")

    def __enter__(self) -> "TrainingDisplay":
        """Print the head lines and start the bar."""
        if not self._quiet:
            self._head()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _head(self) -> None:
        from ohmflow.runtime.kernel_cache import is_cold

        arrays = self._program.arrays
        weights = sum(a.rows * a.cols for a in arrays if not a.layer)
        tiles = len({b.tile for a in arrays for b in a.blocks})
        model, target, data = map(escape, (self._program.manifest["model"], self._target.name, self._data.name))
        self._console.print(
            f"[bold]{model}[/] on [bold]{target}[/]: {weights:,} weights in "
            f"{len(arrays)} arrays on {tiles} tile{'s' if tiles != 1 else ''}"
        )
        for line in rule_lines(self._program.manifest.get("rules", {})):
            self._console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
        self._console.print(
            f"  {len(self._data.train):,} rows to train on ({data}), {len(self._data.val):,} to validate, "
            f"{len(self._data.test):,} to test; batch {self._options.batch}, lr {self._options.lr:g}, "
            f"seed {self._options.seed}",
            style="dim",
        )
        if is_cold():
            self._console.print(
                "  compiling kernels for this machine; this happens once and takes about a minute", style="yellow"
            )

    def watch(self, step: Step) -> None:
        """Show where the training stands."""
        self._progress.update(
            self._task,
            description=f"epoch {step.epoch} of {step.epochs}",
            completed=step.step,
            total=step.steps,
            loss=f"{step.loss:.3f}",
        )

    def epoch_done(self, history: History, epoch: int) -> None:
        """Print the epoch's line."""
        if self._quiet:
            return
        k = epoch - 1
        parts = [f"epoch {epoch:>3}", f"loss {history.train_loss[k]:.3f}"]
        for name, values in (
            ("validation", history.val_accuracy),
            ("on chip", history.test_accuracy_analog),
            ("exported", history.test_accuracy),
        ):
            if values[k] is not None:
                parts.append(f"{name} {percent(values[k])}")
        seconds = history.seconds[k]
        if seconds is not None:
            parts.append(f"chip time {time_text(seconds)}")
        self._console.print("  " + "   ".join(parts))


def show_run(run: Run, target: Target, program: Program) -> None:
    """Print the summary of a training on stdout."""
    screen = console()
    summary = run.summary
    screen.print()
    screen.print(_epochs(summary))
    screen.print()
    show_bill(summary, run.bill, target, program, screen)
    losses = summary["train_loss"]
    if losses and losses[-1] > max(losses[0], 1.0) * 1.5:
        screen.print(f"[yellow]The loss rose from {losses[0]:.3g} to {losses[-1]:.3g}: try a smaller --lr.[/]")
    updates = summary["updates"]
    if updates["clipped"] is not None and target.device.pulse is not None:
        screen.print(
            f"Of {updates['vectors']:,} vector updates, {percent(updates['clipped'])} wanted a longer train than the "
            f"longest, and {percent(updates['lost'])} pulsed no device."
        )
    if summary["weights_clipped_at_start"]:
        screen.print(
            f"At the start {summary['weights_clipped_at_start']:,} weights were clipped to their devices' range."
        )
    show_devices(summary, screen)
    if summary["energy_joules"] is not None:
        _show_confidence(screen, target, summary["not_modelled"])
    if run.folder is not None:
        show_peak(run.folder, screen)
        traced = ", trace.json" if (run.folder / "trace.json").is_file() else ""
        screen.print(
            f"Written to [bold]{escape(str(run.folder))}/[/]: report.html (open it in a browser), model.onnx "
            f"(trained), summary.json, ledger.csv, ledger_by_layer.csv, events.npz, power.csv, critical.json{traced}"
        )
    screen.print(f"[dim]{summary['host_seconds']:.1f} s on this computer[/]")


def show_bill(
    summary: Mapping[str, Any],
    bill: Bill,
    target: Target,
    program: Program | None = None,
    screen: Console | None = None,
) -> None:
    """Print time, energy by phase and component, and the busiest units."""
    screen = screen or console()
    if summary["simulated_seconds"] is None and summary["energy_joules"] is None:
        screen.print(
            f"{escape(target.name)} has no time and no energy: {', '.join(summary['not_modelled'])} are not modelled."
        )
        return
    seconds, joules = summary["simulated_seconds"], summary["energy_joules"]
    if seconds is not None:
        screen.print(f"Chip time [bold]{time_text(seconds)}[/] ({summary['cycles']:,} cycles)", end="")
    if joules is not None:
        power = f", {energy(joules / seconds)[:-1]}W on average" if seconds else ""
        screen.print(f", energy [bold]{energy(joules)}[/]{power}")
        screen.print()
        screen.print(_energy_table(bill, joules, screen.width))
    screen.print()
    screen.print(_busiest(bill, program))
    unused = {unit: joules for unit, joules in bill.by("unit").items() if unit.startswith("unused") and joules}
    if unused:
        told = ", ".join(f"{unit[7:]} {energy(joules)}" for unit, joules in unused.items())
        screen.print(f"The unused rest of the chip leaked {energy(sum(unused.values()))} of it ({told}).")
    screen.print()


def _epochs(summary: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Epoch", justify="right")
    table.add_column("Loss", justify="right")
    columns = [
        ("Validation", summary["val_accuracy"]),
        ("Test, on the chip", summary["test_accuracy_analog"]),
        ("Test, exported weights", summary["test_accuracy"]),
    ]
    shown = [(name, values) for name, values in columns if any(v is not None for v in values)]
    for name, _ in shown:
        table.add_column(name, justify="right")
    count = len(summary["epochs"])
    wanted = range(count) if count <= 20 else [*range(3), *range(count - 15, count)]
    for k in wanted:
        table.add_row(
            str(summary["epochs"][k]),
            f"{summary['train_loss'][k]:.4f}",
            *(percent(values[k]) for _, values in shown),
        )
    return table


def _energy_table(bill: Bill, joules: float, width: int) -> Table:
    """Energy by phase (rows, in the order of a step) and component (columns, largest first)."""
    cells: dict[tuple[str, str], float] = {}
    for row in bill.rows:
        if row.energy is not None:
            key = (row.phase, row.component)
            cells[key] = cells.get(key, 0.0) + row.energy
    components = sorted(bill.by("component").items(), key=lambda item: -item[1])
    named = [name for name, value in components if value > 0]
    most = max(2, min(7, (width - 32) // 10))  # what a line has room for
    shown, rest = (named, []) if len(named) <= most else (named[: most - 1], named[most - 1 :])
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", title="Energy", title_justify="left")
    table.add_column("Phase", no_wrap=True)
    table.add_column("All", justify="right", style="bold", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    if rest:
        table.add_column(f"{len(rest)} others", justify="right", no_wrap=True)

    def cells_of(pick: Callable[[str], float]) -> list[str]:
        values = [pick(name) for name in shown] + ([sum(pick(name) for name in rest)] if rest else [])
        return [energy(v) if v else "" for v in values]

    phases = bill.by("phase")
    for phase in sorted(phases, key=_ORDER.index):
        picked = cells_of(lambda name, phase=phase: cells.get((phase, name), 0.0))  # type: ignore[misc]
        table.add_row(phase, energy(phases[phase]), bar(phases[phase] / joules if joules else 0.0, 8), *picked)
    sums = dict(components)
    table.add_row("all", energy(joules), "", *cells_of(lambda name: sums[name]), style="bold")
    return table


_ORDER = ["program", "forward", "backward", "update", "transfer", "evaluation", "idle"]
"""Phases as a person meets them."""


def _busiest(bill: Bill, program: Program | None) -> Table:
    """The units with the largest share of busy cycles, and what tiles hold."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 1), header_style="bold", title="Busiest units", title_justify="left"
    )
    for name, right in (("Unit", False), ("Busy", True), ("", False), ("Mostly", False), ("Energy", True)):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    table.add_column("Holds")
    held: dict[str, list[str]] = {}
    if program is not None:
        names = {u.index: u.name for u in program.chip.units if u.kind == "tile"}
        for array in program.arrays:
            for block in array.blocks:
                rows, cols = (block.row0, block.row0 + block.rows), (block.col0, block.col0 + block.cols)
                corner = f"[{rows[0]}:{rows[1]}, {cols[0]}:{cols[1]}]" if len(array.blocks) > 1 else ""
                held.setdefault(names[block.tile], []).append(array.name + corner)
    cycles = bill.cycles or 0
    busy: dict[str, dict[str, int]] = {}
    for (unit, phase), n in bill.phase_cycles.items():
        if phase != "idle":
            busy.setdefault(unit, {})[phase] = n
    joules = bill.by("unit")
    for unit, phases in sorted(busy.items(), key=lambda item: -sum(item[1].values()))[:6]:
        total = sum(phases.values())
        part = total / cycles if cycles else 0.0
        top = max(phases, key=lambda p: phases[p])
        mostly = f"{top} ({share(phases[top] / total)})" if total else ""
        cost = energy(joules[unit]) if unit in joules else "–"
        table.add_row(unit, percent(part), bar(part, 12), mostly, cost, _some(held.get(unit, []), 3))
    return table


def _some(names: list[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


_TELLING = ("device.parameters", "device.conductance", "tile.leakage", "tile.read.voltage", "tile.adc", "chip.link")
"""What a reader of a bill wants to know first when it is uncertain."""


def _telling(low: Sequence[tuple[str, str, str | None]]) -> str:
    """Some of the uncertain figures, those first that move a bill most."""
    rank = {path: next((k for k, start in enumerate(_TELLING) if path.startswith(start)), 99) for path, _, _ in low}
    chosen: dict[str, str] = {}
    for path, text, _ in sorted(low, key=lambda item: rank[item[0]]):
        chosen.setdefault(path.rpartition(".")[0], f"{path} ({text})")
    return ", ".join(list(chosen.values())[:4])


def _show_confidence(screen: Console, target: Target, missing: Iterable[str]) -> None:
    """Say what is assumed and what is left out."""
    low = target.low_confidence()
    if low:
        screen.print(
            f"{len(low)} figures of this target are of low confidence, among them {_telling(low)}; "
            f"[bold]ohmflow targets show {escape(target.name)}[/] gives each with its source."
        )
    left_out = list(missing)
    if left_out:
        screen.print(f"Not modelled, so in no total: {', '.join(left_out)}.")
