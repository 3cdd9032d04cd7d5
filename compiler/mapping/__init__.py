"""Mapping: arrays cut into blocks, packed onto tiles, placed on the chip."""
