tile.array @W 4x4 rule "sgd"
tile.array @V 4x5 rule "sgd"
tile.entry @step(%k: !tile.vec<i64>, %lr: !tile.scalar<f32>) {
  %a = tile.open @W
  %b = tile.open @V
  %d, %c = tile.transfer @W to @V diagonal (%k, %lr, %a, %b)
  tile.commit %a
  tile.commit %c
  tile.return
}
// ----- gives
transfer_shapes.mlir:6:3: the axis must be row or col, not 'diagonal'; name one of them
