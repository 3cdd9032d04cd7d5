tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %v2 = tile.for %i to %n carry (%w = %v) {
    %x = tile.unstash %xs[%i]
    %y, %d = tile.mvm @W site 0 forward (%x, %w) : !tile.vec<4xf32>
    tile.yield (%w)
  }
  tile.commit %v2
  tile.return
}
// ----- gives
yield_without_token.mlir:7:5: tile.yield of %w must wait for every read of it, but not for %d of tile.mvm; add %d (joined, or the loop's result of it) to its 'after'
