tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %ys = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    tile.yield %y
  }
  %v2 = tile.for %i to %n carry (%w = %v) {
    %x = tile.unstash %xs[%i]
    %y = tile.unstash %ys[%i]
    %w2 = tile.update @W site 0 (%x, %y, %lr, %w)
    tile.yield (%w2)
  }
  tile.commit %v2
  tile.return
}
// ----- gives
update_token_lost_in_map.mlir:9:3: tile.for of %v must wait for every read of it, but not for %d of tile.mvm; add %d (joined, or the loop's result of it) to its 'after'
