// dead-code
tile.array @W 4x4 rule "sgd"
tile.array @Idle 4x4 rule "sgd"
tile.array @Part 4x4 rule "sgd"
tile.composite @Whole sum (1.0 * @Part)
tile.segment @unused row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.segment @relu row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> !tile.vec<4xf32> {
  %v = tile.open @W
  %idle = tile.open @Idle
  %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %z, %d2 = tile.mvm @W site 1 forward (%x, %v) : !tile.vec<4xf32>
  %r = tile.call @relu (%z) : !tile.vec<4xf32>
  %both = tile.join %d1, %d2 : !tile.done<@W>
  %v2 = tile.update @W site 0 (%x, %y, %lr, %v) after (%both)
  tile.commit %v2
  tile.commit %idle
  tile.return %y
}
// ----- gives
tile.array @W 4x4 rule "sgd"

tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> !tile.vec<4xf32> {
  %v = tile.open @W
  %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %v2 = tile.update @W site 0 (%x, %y, %lr, %v) after (%d1)
  tile.commit %v2
  tile.return %y
}
