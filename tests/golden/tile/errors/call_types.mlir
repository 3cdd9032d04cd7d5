tile.segment @s row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %y = tile.call @s (%lr) : !tile.vec<4xf32>
  tile.return
}
// ----- gives
call_types.mlir:3:3: operands of @s must be (!tile.vec<4xf32>), not (!tile.scalar<f32>); pass those
