tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  tile.return %x
}
// ----- gives
entry_return_types.mlir:1:1: @step must return (), not (!tile.vec<4xf32>); correct the return or the type
