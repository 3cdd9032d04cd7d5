tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  tile.commit %v
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  tile.return
}
// ----- gives
read_after_commit.mlir:5:3: %v must be read before tile.commit consumes it, not after; read the version that follows
