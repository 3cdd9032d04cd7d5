"""Tile IR: an xDSL dialect for what a chip of crossbar tiles does. Import from `ohmflow.compiler.tile.dialect`."""
