"""The programmable resistors: what a pulse costs in a device that is selected, and in one that is half selected."""

from ohmflow.targets.components.protocol import Event, Untimed, priced


class Device(Untimed):
    """The devices of a tile under update pulses."""

    name = "device"

    def events(self) -> tuple[Event, ...]:
        """Pulses at a coincidence, and pulses seen by the other devices of the lines."""
        return (
            priced("device", "coincidence", "device.energy_per_pulse", "device.pulse"),
            priced("device", "half_select", "device.energy_half_select", "device.pulse"),
        )
