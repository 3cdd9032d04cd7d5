tile.entry @f(%x: !tile.vec<1x4x4xf32>) {
  %p = tile.window %x image [1, 4, 4] kernel [3, 3] dilations [2, 1]
  tile.return
}
// ----- gives
window_kernel.mlir:2:3: the kernel must fit the padded image, but does not; correct image, kernel or pads
