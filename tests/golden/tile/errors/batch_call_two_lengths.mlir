tile.segment @s batch (!tile.stash<!tile.vec<4xf32>>, !tile.stash<!tile.vec<4xf32>>) -> !tile.vec<4xf32>
tile.entry @step(%first: !tile.vec<4xf32>, %xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %few = tile.map %i to 3 {
    tile.yield %first
  }
  %y = tile.call @s (%xs, %few) : !tile.vec<4xf32>
  tile.return
}
// ----- gives
batch_call_two_lengths.mlir:6:3: stashes of one call must have one length, not %n and 3
