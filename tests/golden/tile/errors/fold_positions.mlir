tile.entry @f(%x: !tile.vec<5x9xf32>) {
  %p = tile.split %x
  %image = tile.fold %p image [1, 4, 4] kernel [3, 3]
  tile.return
}
// ----- gives
fold_positions.mlir:3:3: there must be 4 windows, not 5; correct the figures
