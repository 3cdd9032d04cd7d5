"""How the clock's cost grows with samples of a step, with tiles, and with cycles; a table, fitted powers, a picture.

    python bench/scaling.py [--repeats 3] [--picture scaling.svg] [--json FILE]

A training step of the small residual network is timed with 1 to 64 samples, and a perceptron of two layers on 8 to 800
tiles, with skipping of repeated periods and without. A power of 1 is linear. Without skipping, cost should follow the
events: instructions that run, and links that packets pass, of which there are more the wider a network lies on a mesh.
Samples cost linearly (power 0.98); tiles more than that (events to the power of 1.2), probably since more packets under
way make a higher heap, and a state that the caches do not hold.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from comparison import Comparison, deliver, options
from markupsafe import Markup
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.critical.step import records_of
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.report.svg import drawing, element, text
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

MODEL = Path(__file__).resolve().parents[1] / "examples" / "models" / "resnet_small.onnx"
BATCHES = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (128, 256, 512, 768, 1280)
SIDE = 64
"""Rows and columns of a tile of the perceptrons."""
SMALL = {"tile.crossbar.rows": f"{SIDE}", "tile.crossbar.cols": f"{SIDE}", "chip.mesh": "30 x 30"}


@dataclass(frozen=True)
class Point:
    """One step, timed.

    Attributes:
        size: samples or tiles.
        cycles: simulated.
        instructions: executed.
        events: executed instructions, and packets on links.
        plain: CPU seconds a turn, without skipping.
        skipping: CPU seconds a turn, with it.
    """

    size: int
    cycles: int
    instructions: int
    events: int
    plain: list[float]
    skipping: list[float]


def perceptron(width: int) -> onnx.ModelProto:
    """Two square layers."""
    rng = np.random.default_rng(0)
    weights = [rng.uniform(-0.1, 0.1, (width, width)).astype(np.float32) for _ in range(2)]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w1"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name in ("x", "y")]
    stored = [numpy_helper.from_array(w, f"w{k}") for k, w in enumerate(weights)]
    graph = helper.make_graph(nodes, "perceptron", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def measure(program: Program, target: Target, batch: int, size: int, repeats: int) -> Point:
    """Time one training step, both ways in turns."""
    entry = program.entries["train_step"]
    counter = Counter(program, entry, Profile(program, target), batch)
    names = tuple(unit.name for unit in program.chip.units)
    schedule = resolve(entry, counter.layout, program.chip.hop, names)
    clock = Clock(schedule)
    counts = counter.flat()
    took: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(repeats + 1):
        for reuse, seconds in took.items():
            start = time.process_time()
            timeline = clock.run(counts, reuse=reuse)
            if turn:
                seconds.append(time.process_time() - start)
    events = records_of(schedule, timeline)
    return Point(size, timeline.cycles, int(timeline.executed.sum()), events, took[False], took[True])


def by_samples(repeats: int) -> list[Point]:
    """The residual network, with more and more samples a step."""
    target = load("rpu-2016")
    program = compile_model(onnx.load(MODEL), target, CompileOptions(training=True, structure=True))
    return [measure(program, target, batch, batch, repeats) for batch in BATCHES]


def by_tiles(repeats: int) -> list[Point]:
    """Perceptrons that take more and more tiles, 8 samples a step."""
    target = load("rpu-2016", SMALL)
    found = []
    for width in WIDTHS:
        chosen = CompileOptions(training=True, structure=True, loss="mse")
        program = compile_model(perceptron(width), target, chosen)
        tiles = len({block.tile for array in program.arrays for block in array.blocks})
        found.append(measure(program, target, 8, tiles, repeats))
    return found


def power(x: list[float], y: list[float]) -> float:
    """Exponent of the power law through the points, by least squares of logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def show(name: str, points: list[Point]) -> None:
    """Print the table of one series, and its powers."""
    print(f"{name:>8} {'cycles':>13} {'instructions':>13} {'events':>11} {'CPU ms':>9} {'skipping':>9} {'ns each':>8}")
    for p in points:
        plain, skipping = min(p.plain), min(p.skipping)
        costs = f"{1e3 * plain:>9.2f} {1e3 * skipping:>9.2f} {1e9 * plain / p.events:>8.1f}"
        print(f"{p.size:>8} {p.cycles:>13,} {p.instructions:>13,} {p.events:>11,} {costs}")
    seconds = [min(p.plain) for p in points]
    told = [(name, [float(p.size) for p in points]), ("events", [float(p.events) for p in points])]
    told.append(("cycles", [float(p.cycles) for p in points]))
    print("power of cost against", ", ".join(f"{of} {power(x, seconds):.2f}" for of, x in told), end="\n\n")


def picture(series: dict[str, list[Point]]) -> str:
    """CPU seconds against events, both logarithmic, a line for each series and way."""
    width, height, left, bottom = 560.0, 360.0, 60.0, 46.0
    xs = [p.events for points in series.values() for p in points]
    ys = [s for points in series.values() for p in points for s in (min(p.plain), min(p.skipping))]
    low_x, high_x = np.floor(np.log10(min(xs))), np.ceil(np.log10(max(xs)))
    low_y, high_y = np.floor(np.log10(min(ys))), np.ceil(np.log10(max(ys)))

    def at(x: float, y: float) -> tuple[float, float]:
        right = left + (np.log10(x) - low_x) / (high_x - low_x) * (width - left - 150)
        return float(right), float(height - bottom - (np.log10(y) - low_y) / (high_y - low_y) * (height - bottom - 20))

    parts: list[Markup] = [element("rect", x=0, y=0, width=width, height=height, fill="white")]
    for decade in range(int(low_x), int(high_x) + 1):
        x, y = at(10.0**decade, 10.0**low_y)
        parts.append(element("line", x1=x, x2=x, y1=y, y2=20, stroke="#ddd"))
        parts.append(text(x, y + 16, f"10^{decade}", anchor="middle", font_size=11))
    for decade in range(int(low_y), int(high_y) + 1):
        x, y = at(10.0**low_x, 10.0**decade)
        parts.append(element("line", x1=x, x2=width - 150, y1=y, y2=y, stroke="#ddd"))
        parts.append(text(x - 6, y + 4, f"10^{decade} s", anchor="end", font_size=11))
    colours = iter(("#1f5fa8", "#7fb0e6", "#b3541e", "#eaa372"))
    for name, points in series.items():
        above = float("-inf")  # where the label before stands
        for way in ("plain", "skipping"):
            colour = next(colours)
            places = [at(p.events, min(getattr(p, way))) for p in points]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(element("polyline", points=path, fill="none", stroke=colour, stroke_width=2))
            parts += [element("circle", cx=x, cy=y, r=3, fill=colour) for x, y in places]
            label = f"{name}, {'all stepped' if way == 'plain' else 'skipping'}"
            above = max(places[-1][1] + 4, above + 13)
            parts.append(text(places[-1][0] + 8, above, label, font_size=11, fill=colour))
    parts.append(text(left + 150, height - 8, "events of a step", font_size=12))
    drawn = drawing(parts, width, height, "CPU seconds of the clock against events of a step")
    return str(drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" ', 1)


def main() -> None:
    """Print the tables, and draw them if asked."""
    parser = options(__doc__, 3)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw cost against events there, as SVG")
    asked = parser.parse_args()
    series = {"samples": by_samples(asked.repeats), "tiles": by_tiles(asked.repeats)}
    for name, points in series.items():
        show(name, points)
    if asked.picture:
        asked.picture.write_text(picture(series), encoding="utf-8")
    found = []
    for name, points in series.items():
        first, last = points[0], points[-1]
        ours = [s / last.events for s in last.plain]
        theirs = [s / first.events for s in first.plain]
        work = f"an event of the clock, {last.size} {name}"
        found.append(Comparison(work, f"{first.size} {name}", ours, theirs))
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
