tile.entry @f(%x: !tile.vec<1x4x4xf32>) {
  %p = tile.window %x image [1, 4, 4] kernel [3, 3] strides [0, 1]
  tile.return
}
// ----- gives
window_stride.mlir:2:3: figures of windows must be at least 1, and pads at least 0; correct them
