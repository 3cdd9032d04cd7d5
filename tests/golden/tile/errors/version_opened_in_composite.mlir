tile.array @W 4x4 rule "sgd"
tile.composite @C sum (1.0 * @W)
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %w = tile.open @C
  tile.commit %v
  tile.commit %w
  tile.return
}
// ----- gives
version_opened_in_composite.mlir:5:3: @W must be opened once in an entry, not again as part of @C; use the version that there is
