tile.entry @f(%x: !tile.vec<1x8x9xf32>) {
  %p = tile.window %x image [1, 9, 8] kernel [3, 3]
  tile.return
}
// ----- gives
window_image.mlir:2:3: the image must be !tile.vec<1x9x8xf32>, not !tile.vec<1x8x9xf32>; correct the figures
