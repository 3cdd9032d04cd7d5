"tile.state"() <{"sym_name" = "s", "kind" = "counter", "type" = !tile.vec<i64>, "init" = 1.0 : f64}> : () -> ()
// ----- gives
state_init_type.mlir:1:1: init of @s must fit !tile.vec<i64>, not be 1.000000e+00 : f64; correct it
