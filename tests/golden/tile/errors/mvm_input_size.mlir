tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<5xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
  tile.commit %v
  tile.return
}
// ----- gives
mvm_input_size.mlir:4:3: the input of @W must be !tile.vec<4xf32>, not !tile.vec<5xf32>; reshape it in a segment
