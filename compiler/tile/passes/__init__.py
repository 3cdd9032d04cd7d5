"""Passes over tile IR, and the pipeline that runs them."""

from ohmflow.compiler.tile.passes.pipeline import make_pipeline, passes, run_pipeline

__all__ = ["make_pipeline", "passes", "run_pipeline"]
