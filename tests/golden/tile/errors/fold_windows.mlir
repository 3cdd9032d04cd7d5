tile.entry @f(%x: !tile.vec<4x8xf32>) {
  %p = tile.split %x
  %image = tile.fold %p image [1, 4, 4] kernel [3, 3]
  tile.return
}
// ----- gives
fold_windows.mlir:3:3: windows must be !tile.stash<!tile.vec<9xf32>>, not !tile.stash<!tile.vec<8xf32>>; correct the figures
