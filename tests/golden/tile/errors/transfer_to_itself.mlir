tile.array @W 4x4 rule "sgd"
tile.array @V 4x4 rule "sgd"
tile.entry @step(%k: !tile.vec<i64>, %lr: !tile.scalar<f32>) {
  %a = tile.open @W
  %d, %b = tile.transfer @W to @W col (%k, %lr, %a, %a)
  tile.commit %b
  tile.return
}
// ----- gives
transfer_to_itself.mlir:5:3: a transfer must be between two arrays, not from @W to itself
