tile.segment @s row () -> !tile.vec<i64>
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %a = tile.map %i to %n {
    %k = tile.call @s () : !tile.vec<i64>
    %x = tile.unstash %xs[%k]
    tile.yield %x
  }
  tile.return
}
// ----- gives
unstash_not_induction.mlir:5:5: operand 'index' at position 1 does not verify: Expected attribute index but got !tile.vec<i64>
