"""Lowering: training graph in, tile IR and digital segments out."""
