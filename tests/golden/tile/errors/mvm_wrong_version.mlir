tile.array @W 4x4 rule "sgd"
tile.array @V 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @V
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  tile.commit %v
  tile.return
}
// ----- gives
mvm_wrong_version.mlir:5:3: versions for @W must be of @W, not @V; pass those
