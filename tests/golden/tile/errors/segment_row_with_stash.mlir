tile.segment @s row (!tile.stash<!tile.vec<4xf32>>) -> !tile.vec<4xf32>
// ----- gives
segment_row_with_stash.mlir:1:1: an operand of a row segment must not be !tile.stash<!tile.vec<4xf32>>; declare it as a batch segment, or pass one row
