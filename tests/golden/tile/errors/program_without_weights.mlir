tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %a = tile.open @W
  %b = tile.program @W (%a)
  tile.commit %b
  tile.return
}
// ----- gives
program_without_weights.mlir:4:3: @W must have weights to be programmed, not none; give it their key
