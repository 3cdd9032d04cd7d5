"""How a target's tiles read, for the crossbar."""

import numpy as np

from ohmflow.runtime.crossbar.ir_drop import Wires
from ohmflow.runtime.crossbar.spec import Converter, ReadSpec
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.reading import Adc, Dac
from ohmflow.targets.schema.target import Target

_BOLTZMANN = 1.380649e-23
"""J/K, exact: SI brochure, 9th edition (2019)."""


def read_spec(target: Target) -> ReadSpec | None:
    """How the target's tiles read, or None when they have no converters and read exactly."""
    dac, adc, read = target.tile.dac, target.tile.adc, target.tile.read
    if dac is None and adc is None:
        return None
    ir_drop = read.ir_drop or "none"
    return ReadSpec(
        dac_bits=None if dac is None else dac.bits,
        adc_bits=None if adc is None else adc.bits,
        out_bound=float(np.inf) if adc is None else adc.bound.si,
        out_noise=0.0 if adc is None else adc.noise.si,
        noise_management=read.noise_management,
        bound_management=read.bound_management,
        max_retries=read.max_retries,
        out_low=None if adc is None else _given(adc.bound_low),
        dac=_converter(dac),
        adc=_converter(adc),
        backward_noise_management=read.noise_management_backward,
        input_scale=_given(read.input_scale),
        backward_input_scale=_given(read.input_scale_backward),
        scale_decay=_or(read.scale_decay, 0.01),
        thermal=_thermal(target),
        flicker=_or(read.flicker, 0.0),
        negative_gain=_or(read.negative_gain, 1.0),
        inputs=read.inputs,
        accumulate=read.accumulate,
        ir_drop=ir_drop,
        wires=None if ir_drop == "none" else _wires(target),
    )


def _converter(section: Dac | Adc | None) -> Converter:
    if section is None:
        return Converter()
    return Converter(section.rounding or "nearest", _or(section.gain_dtod, 0.0), _or(section.offset_dtod, 0.0))


def _thermal(target: Target) -> float:
    """2·k·T/(t·V²), siemens: 4·k·T·G·(1/2t) is the variance of a current averaged over t (Nyquist 1928)."""
    read = target.tile.read
    if read.temperature is None:
        return 0.0
    assert read.integration is not None and read.voltage is not None, "checked on loading"
    return float(2.0 * _BOLTZMANN * read.temperature.si / (read.integration.si * read.voltage.si**2))


def _wires(target: Target) -> Wires:
    """A segment of a line is as long as the pitch, along rows and columns."""
    crossbar = target.tile.crossbar
    assert crossbar.wire_r is not None and crossbar.pitch is not None, "checked on loading"
    ohms = crossbar.wire_r.si * crossbar.pitch.si
    return Wires(word=ohms, bit=ohms)


def _given(figure: Figure | None) -> float | None:
    return None if figure is None else figure.si


def _or(figure: Figure | None, otherwise: float) -> float:
    return otherwise if figure is None else figure.si
