tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 forward (%q, %v) : !tile.vec<4xf32>
  tile.commit %v
  tile.return
}
// ----- gives
undefined_operand.mlir:4:40: %q must be defined above its use, not below or nowhere; move or correct it
