tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %a = tile.map %i to 2 {
    %z = tile.split %x
  }
  tile.return
}
// ----- gives
loop_without_yield.mlir:2:25: the body of a loop or when must end in tile.yield; add it
