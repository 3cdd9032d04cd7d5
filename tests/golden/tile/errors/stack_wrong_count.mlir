tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %s = tile.map %i to 3 {
    tile.yield %x
  }
  %y = tile.stack %s : !tile.vec<4x4xf32>
  tile.return
}
// ----- gives
stack_wrong_count.mlir:5:3: the stash must have 4 elements, not 3; correct the type
