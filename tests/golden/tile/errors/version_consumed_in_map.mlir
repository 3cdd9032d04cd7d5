tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %a = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %w = tile.update @W site 0 (%x, %x, %lr, %v)
    tile.yield %x
  }
  tile.return
}
// ----- gives
version_consumed_in_map.mlir:6:5: %v must not be consumed inside a map, whose iterations are independent; use tile.for and carry it
version_consumed_in_map.mlir:6:5: %w must be consumed once, not never; add 'tile.commit %w', or pass it on
