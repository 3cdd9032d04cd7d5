tile.state @s counter : !tile.vec<i64>
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %a = tile.open @s
  %b = tile.state_set @s (%x, %a)
  tile.commit %b
  tile.return
}
// ----- gives
state_value_type.mlir:4:3: the value of @s must be !tile.vec<i64>, not !tile.vec<4xf32>; correct its type
