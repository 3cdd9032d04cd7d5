"""Fused kernels of update rules: the same loops, run whole."""
