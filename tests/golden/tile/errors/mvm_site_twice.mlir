tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  %z, %e = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  tile.commit %v
  tile.return
}
// ----- gives
mvm_site_twice.mlir:5:3: site 0 of @W must have one tile.mvm in phase forward, not several; number its uses
