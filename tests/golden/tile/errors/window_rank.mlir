tile.entry @f(%x: !tile.vec<4x4xf32>) {
  %p = tile.window %x image [1, 4, 4] kernel [3, 3]
  tile.return
}
// ----- gives
window_rank.mlir:2:3: the image must be !tile.vec<1x4x4xf32>, not !tile.vec<4x4xf32>; correct the figures
