"""Work out a run's ledger again from its events.npz and the target's YAML files, as docs/ledger.md says.

    python tests/end_to_end/recompute_ledger.py RUN TARGET.yaml [FOLDER OF BASES]

It needs Python, numpy and PyYAML, and nothing of ohmflow: the check is worth something because the two share no code.
"""

import csv
import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import yaml

PREFIX = {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
UNITS = ("Hz", "ohm", "bit", "s", "V", "A", "S", "F", "J", "W", "m", "B")


def scale(unit):
    """What one of a unit is in SI units, exactly."""
    if "/" in unit:
        above, below = unit.split("/")
        return scale(above) / scale(below)
    for name in UNITS:
        prefix = unit.removesuffix(name)
        if unit.endswith(name) and prefix in PREFIX:
            return Fraction(10) ** PREFIX[prefix]
    raise ValueError(f"unit '{unit}' is not known here")


def exact(value):
    """An exact SI value from `5 ns`, `12` or 0.06."""
    number, _, unit = str(value).strip().partition(" ")
    return Fraction(number) * (scale(unit.strip()) if unit else 1)


def is_section(node):
    return isinstance(node, dict) and "value" not in node


def merged(base, top):
    """Lay one tree of sections on another; a leaf replaces what is below it, null removes it."""
    if not (is_section(base) and is_section(top)):
        return top
    joined = dict(base)
    for key, node in top.items():
        joined[key] = merged(joined[key], node) if key in joined else node
    return joined


def read_target(file, bases):
    """A target's tree with all that it extends."""
    tree = yaml.safe_load(Path(file).read_text())
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    other = Path(file).parent / parent if "/" in parent or parent.endswith(".yaml") else Path(bases) / f"{parent}.yaml"
    return merged(read_target(other, bases), tree)


class Target:
    def __init__(self, tree):
        self.tree = tree
        self.left_out = tree.get("not_modelled") or []

    def find(self, path):
        node = self.tree
        for part in path.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        return node["value"] if isinstance(node, dict) and "value" in node else node

    def covered(self, path):
        parts = path.split(".")
        return any(".".join(parts[:k]) in self.left_out for k in range(1, len(parts) + 1))

    def need(self, path):
        """An exact figure, or None where the target leaves it out."""
        value = self.find(path)
        if self.covered(path):
            return None
        if value is None:
            raise ValueError(f"{path} is neither given nor listed under not_modelled")
        return exact(value)

    def product(self, *factors):
        known = [f if isinstance(f, Fraction | int) else self.need(f) for f in factors]
        return None if None in known else math.prod(known, start=Fraction(1))

    def price(self, unit, component, event):
        """Joules of one event."""
        rows, cols = (int(self.find(f"tile.crossbar.{side}")) for side in ("rows", "cols"))
        wire = ("tile.crossbar.pitch", "tile.crossbar.wire_c")
        swing = ("device.pulse.amplitude", "device.pulse.amplitude")
        share = Fraction(1, 4) if self.find("device.pulse.scheme") == "half-select" else 1
        read = ("tile.read.voltage", "tile.read.voltage")
        match component, event:
            case "driver", "row_pulse":
                return self.product(cols, *wire, *swing, share)
            case "driver", "col_pulse":
                return self.product(rows, *wire, *swing, share)
            case "driver", "read_row":
                return self.product(cols, *wire, *read)
            case "driver", "read_col":
                return self.product(rows, *wire, *read)
            case "device", "coincidence":
                return self.need("device.energy_per_pulse")
            case "device", "half_select":
                return self.need("device.energy_half_select")
            case "array", "read_dose":
                return None if self.covered("tile.array.energy") else self.product(*read, "tile.read.integration")
            case "dac", "dac_conversion":
                return self.need("tile.dac.energy")
            case "adc", "adc_conversion":
                return self.need("tile.adc.energy")
            case "shift_add", "shift_add":
                return self.need("tile.shift_add.energy")
            case "buffer", "buffer_write_byte" | "buffer_read_byte":
                return self.need(f"tile.buffer.{event.split('_')[1]}_energy")
            case "scratchpad", "scratchpad_write_byte" | "scratchpad_read_byte":
                return self.need(f"chip.vector_unit.scratchpad.{event.split('_')[1]}_energy")
            case "vector", "vector_op":
                return self.need("chip.vector_unit.op_energy")
            case "vector", "vector_special_op":
                return self.need("chip.vector_unit.special_op_energy")
            case "link", "flit_hop":
                return self.need("chip.link.hop_energy")
            case "link", "flit_local":
                return self.need("chip.link.local_energy")
            case "host", "host_byte":
                return self.need("chip.host.energy")
            case "leakage", "leak_cycle":
                leaks = {
                    "tile": "tile.leakage",
                    "vector": "chip.vector_unit.leakage",
                    "router": "chip.router.leakage",
                    "host": "chip.host.leakage",
                }
                kind = next(k for k in leaks if unit.removeprefix("unused ").startswith(k))
                power = self.need(leaks[kind])
                return None if power is None else power / self.need("chip.clock")
        raise ValueError(f"{component}.{event} is not in docs/ledger.md")


def recompute(events_file, target):
    """Rows {(unit, phase, component, event): (count, price, joules)} and cycles {(unit, phase): cycles}."""
    with np.load(events_file, allow_pickle=False) as table:
        counts, cycles = {}, {}
        keys = zip(*(table[name].tolist() for name in ("unit", "phase", "component", "event")), strict=True)
        for key, count in zip(keys, table["count"].tolist(), strict=True):
            counts[key] = counts.get(key, 0.0) + count
        pairs = zip(table["cycles_unit"].tolist(), table["cycles_phase"].tolist(), strict=True)
        for pair, n in zip(pairs, table["cycles"].tolist(), strict=True):
            cycles[pair] = cycles.get(pair, 0) + n
    rows = {}
    for (unit, phase, component, event), count in counts.items():
        price = target.price(unit, component, event)
        each = None if price is None else float(price)
        rows[unit, phase, component, event] = (count, each, None if each is None else count * each)
    return rows, cycles


def near(a, b):
    return a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-12))


def differences(run, target):
    """Every way in which ledger.csv and summary.json of a run differ from what is recomputed."""
    rows, cycles = recompute(run / "events.npz", target)
    faults = []
    stated, stated_cycles = {}, {}
    with (run / "ledger.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["component"] == "time":
                stated_cycles[row["unit"], row["phase"]] = int(row["cycles"])
            else:
                numbers = (row[c] for c in ("count", "energy_per_event_j", "energy_j"))
                key = tuple(row[c] for c in ("unit", "phase", "component", "event"))
                stated[key] = tuple(float(n) if n else None for n in numbers)
    faults += [f"{key}: only in one of the two" for key in sorted(stated.keys() ^ rows.keys())]
    for key in sorted(stated.keys() & rows.keys()):
        for what, a, b in zip(("count", "price", "energy"), stated[key], rows[key], strict=True):
            if not near(a, b):
                faults.append(f"{key}: {what} is {a} in ledger.csv, but {b}")
    if stated_cycles != cycles:
        faults.append("cycles by unit and phase differ")

    summary = json.loads((run / "summary.json").read_text())
    total, phases, components = 0.0, {}, {}
    for (_, phase, component, _), (_, _, joules) in sorted(rows.items()):
        if joules is not None:
            total += joules
            phases[phase] = phases.get(phase, 0.0) + joules
            components[component] = components.get(component, 0.0) + joules
    if not near(summary["energy_joules"], total):
        faults.append(f"energy_joules is {summary['energy_joules']}, but {total}")
    for name, sums in (("energy_by_phase", phases), ("energy_by_component", components)):
        if summary[name].keys() != sums.keys() or not all(near(summary[name][k], v) for k, v in sums.items()):
            faults.append(f"{name} is {summary[name]}, but {sums}")
    by_unit = {}
    for (unit, _), n in cycles.items():
        by_unit[unit] = by_unit.get(unit, 0) + n
    faults += [
        f"{u}: its phases take {n} of {summary['cycles']} cycles" for u, n in by_unit.items() if n != summary["cycles"]
    ]
    if not near(summary["simulated_seconds"], float(summary["cycles"] / target.need("chip.clock"))):
        faults.append(f"simulated_seconds is {summary['simulated_seconds']}, not cycles / clock")
    unpriced = {f"{c}.{e}" for (_, _, c, e), (_, price, _) in rows.items() if price is None}
    if set(summary["not_modelled"]) != unpriced | set(target.left_out):
        faults.append(f"not_modelled is {summary['not_modelled']}, but {sorted(unpriced)} have no price")
    return faults


def main(arguments):
    run, file, *bases = arguments
    target = Target(read_target(file, bases[0] if bases else Path(file).parent))
    faults = differences(Path(run), target)
    print("\n".join(faults) or "the ledger is what its events and the target say")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
