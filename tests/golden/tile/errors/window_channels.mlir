tile.entry @f(%x: !tile.vec<2x8x8xf32>) {
  %p = tile.window %x image [2, 8, 8] channels [1, 3] kernel [3, 3]
  tile.return
}
// ----- gives
window_channels.mlir:2:3: channels must be among the image's 2, not [1, 3]; correct them
