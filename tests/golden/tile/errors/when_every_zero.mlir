tile.entry @step(%k: !tile.vec<i64>) {
  tile.when %k every 0 {
    tile.yield ()
  }
  tile.return
}
// ----- gives
when_every_zero.mlir:2:3: every must be at least 1, not 0; correct it
