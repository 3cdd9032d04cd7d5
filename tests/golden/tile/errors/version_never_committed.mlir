tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  tile.return
}
// ----- gives
version_never_committed.mlir:3:3: %v must be consumed once, not never; add 'tile.commit %v', or pass it on
