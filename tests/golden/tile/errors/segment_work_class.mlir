tile.segment @s row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [slow 4]
// ----- gives
segment_work_class.mlir:1:66: a class of work must be one of simple, special, not 'slow'
