"""Training: data, loop, evaluation, run folder."""
