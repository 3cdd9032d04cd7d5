tile.entry @step(%x: !tile.vec<4xf32>, %k: !tile.vec<i64>) {
  %a = tile.for %i to 2 carry (%b = %x) {
    tile.yield (%k)
  }
  tile.return
}
// ----- gives
for_carries_other_type.mlir:2:3: the body must carry on (!tile.vec<4xf32>), not (!tile.vec<i64>); yield as many carried values as the loop has, of the same types
