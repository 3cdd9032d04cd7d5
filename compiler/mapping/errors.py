"""Sound models that a target can not hold."""


class InfeasibleError(Exception):
    """The model does not fit; the text names what is short and by how much."""

    exit_status = 3
