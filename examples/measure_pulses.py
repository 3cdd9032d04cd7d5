"""Make a measurement of pulse trains to fit: devices of a target, pulsed up and down and read with noise.

    python examples/measure_pulses.py --target protonic-psg --file pulses.csv
    ohmflow targets fit pulses.csv --draw pulses.svg -o my-device.yaml

A real measurement has the same columns. The devices are those that trainings have, on the machine's own arrays.
"""

import argparse
from pathlib import Path

from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.fit.synthesis import Plan, synthesise
from ohmflow.targets.registry import load


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="rpu-2016")
    parser.add_argument("--set", nargs="*", default=[], metavar="PATH=VALUE", help="change values of the target")
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--cycles", type=int, default=2)
    parser.add_argument("--pulses", type=int, default=100, help="of a train in one direction")
    parser.add_argument("--read-noise", type=float, default=0.005, help="of a read, relative to the window")
    parser.add_argument(
        "--drives",
        nargs="*",
        default=[],
        metavar="NS:V",
        help="width and amplitude of the pulses of as many equal parts of the cycles, for a protonic device",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, default=Path("pulses.csv"))
    options = parser.parse_args()

    target = load(options.target, dict(change.split("=", 1) for change in options.set))
    kind = device_class(target.device.model)
    device = kind(kind.Parameters(**target.device.parameters))
    window = (1e-7, 1.1e-6)
    if target.device.conductance is not None:
        window = (target.device.conductance.min.si, target.device.conductance.max.si)
    noise = options.read_noise * (window[1] - window[0])
    pulses = options.pulses
    pairs = [drive.split(":") for drive in options.drives]
    drives = tuple((1e-9 * float(width), float(volts)) for width, volts in pairs)
    plan = Plan(options.devices, options.cycles, pulses, pulses, window, noise, seed=options.seed, drives=drives)
    reads = synthesise(device, plan)
    with options.file.open("w", encoding="utf-8") as table:
        table.write("device,cycle,pulse,direction,conductance_nS" + (",width_ns,amplitude_V\n" if drives else "\n"))
        columns = (reads.device, reads.cycle, reads.pulse, reads.direction, reads.conductance)
        for row, (d, c, n, way, g) in enumerate(zip(*columns, strict=True)):
            pulse = "" if reads.drive is None else f",{1e9 * reads.drive[row, 0]:g},{reads.drive[row, 1]:g}"
            table.write(f"{d},{c},{n},{way:+d},{1e9 * g:.3f}{pulse}\n")
    print(f"{options.file}: {reads.conductance.size} reads of {options.devices} devices of {target.name}")


if __name__ == "__main__":
    main()
