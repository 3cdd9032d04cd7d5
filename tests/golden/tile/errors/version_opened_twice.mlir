tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %w = tile.open @W
  tile.commit %v
  tile.commit %w
  tile.return
}
// ----- gives
version_opened_twice.mlir:4:3: @W must be opened once in an entry, not again; use the version that there is
