tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %v2 = tile.update @W site 0 (%x, %y, %lr, %v)
  tile.commit %v2
  tile.return
}
// ----- gives
update_without_token.mlir:5:3: tile.update of %v must wait for every read of it, but not for %d of tile.mvm; add %d (joined, or the loop's result of it) to its 'after'
