tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %k: !tile.vec<i64>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %none = tile.join : !tile.done<@W>
  %t = tile.when %k every 2 carry (%old = %none) {
    %z, %e = tile.mvm @W site 1 forward (%x, %v) : !tile.vec<4xf32>
    %both = tile.join %d, %e : !tile.done<@W>
    tile.yield (%both)
  }
  %v2 = tile.update @W site 0 (%x, %y, %lr, %v) after (%t)
  tile.commit %v2
  tile.return
}
// ----- gives
when_token_not_taken.mlir:11:3: tile.update of %v must wait for every read of it, but not for %d of tile.mvm; add %d (joined, or the loop's result of it) to its 'after'
