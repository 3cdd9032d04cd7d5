tile.segment @s row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 4 + 1]
// ----- gives
segment_row_constant.mlir:1:1: work of a row segment must be per row, without a part per call; add it to each row
