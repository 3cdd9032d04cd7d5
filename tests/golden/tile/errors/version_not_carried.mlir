tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %a = tile.for %i to %n {
    %x = tile.unstash %xs[%i]
    %w = tile.update @W site 0 (%x, %x, %lr, %v)
    tile.yield %x
  }
  tile.return
}
// ----- gives
version_not_carried.mlir:6:5: %v must be consumed in the block that defines it, not in a loop inside; carry it: carry (%v = %v)
version_not_carried.mlir:6:5: %w must be consumed once, not never; add 'tile.commit %w', or pass it on
