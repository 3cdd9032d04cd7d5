tile.segment @len row (!tile.vec<4xf32>) -> !tile.vec<i64>
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %ns, %ss = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %len = tile.call @len (%x) : !tile.vec<i64>
    %s = tile.map %t to %len {
      tile.yield %x
    }
    tile.yield %len, %s
  }
  %a = tile.map %i to %n {
    %s = tile.unstash %ss[%i]
    %x = tile.unstash %xs[%i]
    %len = tile.call @len (%x) : !tile.vec<i64>
    %b = tile.map %t to %len {
      %y = tile.unstash %s[%t]
      tile.yield %y
    }
    tile.yield %b
  }
  tile.return
}
// ----- gives
unstash_wrong_data_trip.mlir:16:7: %s must be read in a loop to %len of iteration %i, as it was collected, not to %len; use the same trip count
