tile.state @s hidden : !tile.vec<4xf64>
// ----- gives
vec_element.mlir:1:1: elements of a vec must be f32, i64 or i1, not f64; use one of them
