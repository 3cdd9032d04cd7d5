"""Checks across the keys of how a tile reads."""

from collections.abc import Iterator

from ohmflow.targets.view import Fault, View

_NEEDS = {
    "tile.read.temperature": (
        ("device.conductance", "the window of cells"),
        ("tile.read.voltage", "the voltage of a full input"),
        ("tile.read.integration", "the time over which noise is averaged"),
    ),
    "tile.read.flicker": (("device.conductance", "the window of cells"),),
    "tile.read.ir_drop": (
        ("device.conductance", "the window of cells"),
        ("tile.crossbar.wire_r", "the resistance of its wires"),
        ("tile.crossbar.pitch", "the length of a segment"),
    ),
}
_ONE_DEVICE = ("tile.read.flicker", "tile.read.ir_drop")


def reads(view: View) -> Iterator[Fault]:
    """Faults of `tile.read:` and of the converters."""
    yield from _scales(view)
    yield from _passes(view)
    converters = view.given("tile.dac") or view.given("tile.adc")
    for path, needs in _NEEDS.items():
        if not view.given(path) or view.value(path) == "none":
            continue
        if not converters:
            yield Fault(path, f"{path} must be left out on a tile without converters, which is read exactly; remove it")
            continue
        cell = view.value("tile.crossbar.cell")
        if path in _ONE_DEVICE and cell and cell != "single-with-reference":
            yield Fault(
                path,
                f"{path} must be left out where tile.crossbar.cell is {cell}, since it takes one device and one "
                "reference a cell; remove it, or write 'cell: single-with-reference'",
            )
        for other, what in needs:
            if not view.given(other):
                yield Fault(path, f"{path} must come with {other}, {what}, not without; add it, or remove {path}")


def _scales(view: View) -> Iterator[Fault]:
    decay = view.quantity("tile.read.scale_decay")
    if decay is not None and decay.value > 1:
        yield Fault(
            "tile.read.scale_decay",
            f"tile.read.scale_decay must be at most 1, not '{decay}'; write one such as 0.01",
        )
    for suffix in ("", "_backward"):
        management = f"tile.read.noise_management{suffix}"
        scale = f"tile.read.input_scale{suffix}"
        kind = view.value(management) or view.value("tile.read.noise_management")
        if kind == "constant" and not view.given(scale):
            yield Fault(
                management if view.given(management) else "tile.read.noise_management",
                f"{scale} must be given where noise management is constant, not left out; add one such as "
                f"'input_scale{suffix}: 1'",
                (scale,),
            )
        if kind and kind != "constant" and view.given(scale):
            yield Fault(
                scale,
                f"{scale} must be left out where noise management is {kind}; remove it, or write "
                f"'noise_management{suffix}: constant'",
            )


def _passes(view: View) -> Iterator[Fault]:
    if view.value("tile.read.inputs") != "bit-serial":
        return
    if not view.given("tile.dac"):
        yield Fault(
            "tile.read.inputs",
            "tile.read.inputs must be levels where there is no tile.dac to say how many bits are driven, not "
            "'bit-serial'; add 'dac:', or write 'levels'",
        )
    if view.value("tile.read.accumulate") != "analog" and view.value("tile.read.bound_management") == "iterative":
        yield Fault(
            "tile.read.bound_management",
            "tile.read.bound_management must be none where every pass of bit-serial inputs is converted, not "
            "'iterative', as half the input only moves its bits to other passes; write 'none', or 'accumulate: analog'",
        )
