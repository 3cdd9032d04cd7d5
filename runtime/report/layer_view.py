"""The layer table: what each array is, did, took and cost."""

from dataclasses import dataclass

from ohmflow.runtime.report.record import RunFiles


@dataclass(frozen=True)
class Layer:
    """One array; None where a target does not model or a run did not count it.

    Attributes:
        name: of the array.
        rows: inputs of a forward read.
        cols: its outputs.
        blocks: into which it is cut.
        tiles: that hold them.
        read: vectors read in any phase.
        updated: vectors that updated it.
        train: mean length of an update's train, pulses.
        clipped: share of updates at the longest train.
        lost: share of updates that pulsed no device.
        seconds: in which tiles were at work for it, added over tiles.
        joules: of its events.
        share: of the run's energy.
    """

    name: str
    rows: int
    cols: int
    blocks: int
    tiles: int
    read: int | None
    updated: int | None
    train: float | None
    clipped: float | None
    lost: float | None
    seconds: float | None
    joules: float | None
    share: float | None


def layers(record: RunFiles) -> list[Layer]:
    """One row per array, in the order of the program."""
    work: dict[tuple[str, str], float] = {}
    joules: dict[str, float] = {}
    prices = record.prices()
    for (array, _, component, event), n in record.arrays.items():
        if component == "work":
            work[array, event] = work.get((array, event), 0) + n
        elif (price := prices.get((component, event))) is not None:
            joules[array] = joules.get(array, 0.0) + n * price
    timed = record.clock_hz is not None
    found = []
    for array in record.facts["arrays"]:
        name, updates = array["name"], array["updates"]
        updated = int(updates["vectors"]) if updates else None
        pulses = work.get((name, "pulse"))
        cost = joules.get(name) if record.joules is not None else None
        found.append(
            Layer(
                name,
                array["rows"],
                array["cols"],
                len(array["blocks"]),
                len({b["tile"] for b in array["blocks"]}),
                int(work.get((name, "read"), 0)) if timed else None,
                updated,
                pulses / updated if pulses is not None and updated else None,
                updates["clipped"] / updated if updates and updated else None,
                updates["lost"] / updated if updates and updated else None,
                work.get((name, "busy_cycle"), 0) / record.clock_hz if record.clock_hz else None,
                cost,
                cost / record.joules if cost is not None and record.joules else None,
            )
        )
    return found
