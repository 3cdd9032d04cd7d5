"""Passes over tile IR, and the pipeline that runs them."""
