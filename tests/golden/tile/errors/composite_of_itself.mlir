tile.composite @C sum (1.0 * @C)
// ----- gives
composite_of_itself.mlir:1:1: a composite must not contain itself, as @C does; remove it from its parts
