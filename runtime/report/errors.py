"""Users' faults around reports: folders that hold no run, and files that can not be read."""


class ReportError(Exception):
    """A report can not be made from what was given."""

    exit_status = 2
