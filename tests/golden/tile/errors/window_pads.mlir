tile.entry @f(%x: !tile.vec<1x4x4xf32>) {
  %p = tile.window %x image [1, 4, 4] kernel [3, 3] pads [1, 1]
  tile.return
}
// ----- gives
window_pads.mlir:2:53: pads must be 4 integers, not 2
