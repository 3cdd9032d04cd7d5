"""Crossbar arrays: random draws, reads through converters, pulsed updates, and what of them is billed."""
