// canonical-names
tile.segment @unused row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 4]
tile.segment @zeta row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 4]
tile.array @W 4x4 rule "sgd"
tile.segment @alpha row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [special 4] runs "softmax"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> !tile.vec<4xf32> {
  %v = tile.open @W
  %y, %d1 = tile.mvm @W site 7 forward (%x, %v) : !tile.vec<4xf32>
  %a = tile.call @alpha (%y) : !tile.vec<4xf32>
  %z, %d2 = tile.mvm @W site 3 forward (%a, %v) : !tile.vec<4xf32>
  %b = tile.call @zeta (%z) : !tile.vec<4xf32>
  %v3 = tile.update @W site 3 (%a, %b, %lr, %v) after (%d1, %d2)
  %v7 = tile.update @W site 7 (%x, %b, %lr, %v3)
  tile.commit %v7
  tile.return %b
}
// ----- gives
tile.segment @seg0 row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [special 4] runs "softmax"
tile.segment @seg1 row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 4] runs "zeta"
tile.array @W 4x4 rule "sgd"
tile.segment @seg2 row (!tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 4] runs "unused"

tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> !tile.vec<4xf32> {
  %v = tile.open @W
  %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %a = tile.call @seg0 (%y) : !tile.vec<4xf32>
  %z, %d2 = tile.mvm @W site 1 forward (%a, %v) : !tile.vec<4xf32>
  %b = tile.call @seg1 (%z) : !tile.vec<4xf32>
  %v3 = tile.update @W site 1 (%a, %b, %lr, %v) after (%d1, %d2)
  %v7 = tile.update @W site 0 (%x, %b, %lr, %v3)
  tile.commit %v7
  tile.return %b
}
