tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %a = tile.for %i to 2 {
    tile.yield %lr
  }
  tile.return
}
// ----- gives
for_collects_scalar.mlir:2:3: a collected value must be a vec, a stash or a done, not !tile.scalar<f32>; drop it
