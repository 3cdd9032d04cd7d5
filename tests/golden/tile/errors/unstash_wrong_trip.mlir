tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %a = tile.map %i to 3 {
    %x = tile.unstash %xs[%i]
    tile.yield %x
  }
  tile.return
}
// ----- gives
unstash_wrong_trip.mlir:3:5: %xs must be read in a loop to %n, as it was collected, not to 3; use the same trip count
