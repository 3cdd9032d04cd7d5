"""Estimates: time, energy, power and area of a compiled program from counts that are assumed or recorded."""
