"""Users' faults around an estimate."""


class EstimateError(Exception):
    """What was asked for can not be estimated as it stands."""

    exit_status = 2
