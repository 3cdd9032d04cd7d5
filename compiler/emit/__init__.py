"""Emission: placed tile IR in, a program's tables out."""
