tile.array @W 4x5 rule "sgd"
tile.entry @step(%k: !tile.vec<i64>) {
  %a = tile.open @W
  %l, %d = tile.read @W row (%k, %a) : !tile.vec<4xf32>
  tile.commit %a
  tile.return
}
// ----- gives
read_line_size.mlir:4:3: a row of @W must be !tile.vec<5xf32>, not !tile.vec<4xf32>; reshape it in a segment
