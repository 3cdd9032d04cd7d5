"builtin.module"() ({
  "tile.entry"() <{"sym_name" = "e", "function_type" = (!tile.vec<4xf32>) -> ()}> ({
  ^bb0(%x: !tile.vec<4xf32>):
    "tile.map"() <{"count" = 2 : i64}> ({
    ^bb1(%i: index):
      "tile.yield"(%x) <{"operandSegmentSizes" = array<i32: 1, 0, 0>}> : (!tile.vec<4xf32>) -> ()
    }) : () -> ()
    "tile.return"() : () -> ()
  }) : () -> ()
}) : () -> ()
// ----- gives
map_carries.mlir:4:5: iterations of a map must not carry values on; use tile.for
