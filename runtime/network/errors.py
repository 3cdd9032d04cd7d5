"""Users' faults around the network."""


class NetworkError(Exception):
    """A network can not be as it was asked for; `exit_status` is what the shell returns."""

    exit_status = 2
