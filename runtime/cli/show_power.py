"""What a person sees of the power of a step."""

from rich.markup import escape
from rich.table import Table

from ohmflow.runtime.cli.show import console
from ohmflow.runtime.cli.units import energy, percent, scaled, time_text
from ohmflow.runtime.trace.power import Peak
from ohmflow.runtime.trace.step_power import StepPower

_BLOCKS = " ▁▂▃▄▅▆▇█"
_COLUMNS = 72


def power_text(watts: float) -> str:
    """Power: 1.23 mW."""
    return scaled(watts, "W")


def show_power(step: StepPower) -> None:
    """Print the power of a step on stdout."""
    screen, power = console(), step.power
    clock, joules = power.clock_hz, float(power.total.sum())
    screen.print(f"[bold]{escape(step.model)}[/] on [bold]{escape(step.target)}[/]: {step.of}")
    screen.print(
        f"{power.cycles:,} cycles ({time_text(power.cycles / clock)}), {energy(joules)}, "
        f"mean power {power_text(power.mean_watts)}\n"
    )
    screen.print(_peaks(step))
    screen.print()
    screen.print(_sketch(step))
    screen.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Component")
    for name in ("Energy", "Share", "Mean power", "Highest bin"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, spent in power.by("component").items():
        own = float(spent.sum())
        watts = own * clock / power.cycles
        highest = float((spent / power.seconds).max())
        share = percent(own / joules) if joules else ""
        table.add_row(name, energy(own), share, power_text(watts), power_text(highest))
    screen.print(table)


def _peaks(step: StepPower) -> Table:
    power = step.power
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Peak power over")
    for name in ("Power", "From", "Of the mean"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Cycles", no_wrap=True)
    microsecond = "a microsecond, wherever it begins" if power.window.end - power.window.begin < power.cycles else "all"
    for words, peak in (
        (f"a bin of {time_text(_length(step, power.peak))}", power.peak),
        (microsecond, power.window),
        ("a cycle", power.cycle),
    ):
        times = f"{peak.watts / power.mean_watts:.2f} x" if power.mean_watts else ""
        begin = time_text(peak.begin / power.clock_hz)
        table.add_row(words, power_text(peak.watts), begin, times, f"{peak.begin:,} to {peak.end - 1:,}")
    return table


def _sketch(step: StepPower) -> str:
    """Power over time in one line of blocks, each the highest bin of its part of the step."""
    watts = step.power.watts
    columns = min(_COLUMNS, len(watts))
    parts = [watts[k * len(watts) // columns : (k + 1) * len(watts) // columns].max() for k in range(columns)]
    top = max(parts)
    heights = [round(float(part / top) * (len(_BLOCKS) - 1)) if top else 0 for part in parts]
    return "".join(_BLOCKS[height] for height in heights)


def _length(step: StepPower, peak: Peak) -> float:
    return (peak.end - peak.begin) / step.power.clock_hz
