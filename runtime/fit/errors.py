"""Faults of measurements, and measurements from which nothing can be fitted."""


class FitInputError(Exception):
    """A table that is not a measurement of pulse trains, or an option that makes no sense with it."""

    exit_status = 2


class FitInfeasibleError(Exception):
    """A sound measurement that does not say what is asked of it."""

    exit_status = 3
