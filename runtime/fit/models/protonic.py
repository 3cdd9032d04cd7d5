"""`protonic`: the step of `linear-step`, times (t/t₀)^β·sinh(V/v0)/sinh(V₀/v0).

A device's own: step and slope of each direction at the usual pulse (t₀, V₀), and its bounds. All share β and v0/V₀.
Pulses of one width do not tell β, and those of one amplitude not v0; k, which is dw_min, is told always. The offset E
is 0 by choice: where V is several v0, as in any such device, it does what up_down does, exp(∓E/v0). v0 = 2·kB·T·d/(q·a)
is one number, so d and T are chosen and a is what v0 makes of them.
Source of the law: Onen et al. 2022 (10.1126/science.abp8064).
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.devices.protonic import ProtonicParameters
from ohmflow.runtime.fit.filter_kernel import PROTONIC
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.linear_step import OWN, SPREADS, numbers, start
from ohmflow.runtime.fit.models.protocol import FitModel, Scale
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]

_BETA, _RATE = 1.0, 0.2
"""Where β and v0/V₀ begin, and stay if they are not told."""
_WIDTH, _AMPLITUDE = 5e-9, 10.0
"""Of pulses that the table does not describe: those of Onen et al. 2022."""
_ELECTROLYTE, _TEMPERATURE = 10.0, 300.0


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    return start(look)[0], np.array([_BETA, np.log(_RATE)])


def _narrowed(trains: Trains) -> tuple[float, ...]:
    widths, amplitudes = trains.drives
    return (1.0 if widths > 1 else 1e-3, 1.0 if amplitudes > 1 else 1e-3)


def _volts(trains: Trains) -> float:
    return trains.usual[1] if np.isfinite(trains.usual[1]) else _AMPLITUDE


def _hop(v0: float) -> float:
    """Distance of a hop, nm, that has this v0, V."""
    at_one = ProtonicParameters(
        dw_min=1.0, w_max=1.0, w_min=-1.0, width_ns=1.0, amplitude_V=1.0, beta=1.0, hop_nm=_ELECTROLYTE,
        electrolyte_nm=_ELECTROLYTE, temperature_K=_TEMPERATURE,
    )  # fmt: skip
    return _ELECTROLYTE * at_one.v0 / v0


def _constants(shared: Floats, span: float, scale: Scale, trains: Trains) -> dict[str, float]:
    del span, scale
    volts, told = _volts(trains), trains.drives > 1
    found = {"beta": float(shared[0])} if told[0] else {}
    if told[1]:
        found["hop_nm"] = _hop(float(np.exp(shared[1])) * volts)
    return found


def _given(trains: Trains) -> dict[str, tuple[float, str]]:
    told, usual = trains.drives > 1, trains.usual
    found = {
        "width_ns": (1e9 * usual[0], "of the usual pulse") if np.isfinite(usual[0]) else (
            1e9 * _WIDTH, "not told: the table has no column 'width'; that of Onen et al. 2022 stands in"
        ),
        "amplitude_V": (usual[1], "of the usual pulse") if np.isfinite(usual[1]) else (
            _AMPLITUDE, "not told: the table has no column 'amplitude'; that of Onen et al. 2022 stands in"
        ),
        "electrolyte_nm": (_ELECTROLYTE, "chosen: only its ratio to hop_nm counts"),
        "temperature_K": (_TEMPERATURE, "chosen"),
        "offset_V": (0.0, "chosen: it does what up_down does"),
    }  # fmt: skip
    if not told[0]:
        found["beta"] = (_BETA, "not told: all pulses have one width")
    if not told[1]:
        found["hop_nm"] = (_hop(_RATE * _volts(trains)), "not told: all pulses have one amplitude")
    return found


MODELS = (
    FitModel(
        "protonic",
        "protonic",
        PROTONIC,
        OWN,
        _start,
        numbers,
        shared=("beta", "log_v0"),
        widths=(1.0, 1.0),
        narrowed=_narrowed,
        limits=((0.02, 4.0), (-4.5, 3.0)),
        given=_given,
        constants=_constants,
        spread_of=SPREADS,
        hard_bounded=True,
        needs_zero=True,
    ),
)
"""How it is fitted."""
