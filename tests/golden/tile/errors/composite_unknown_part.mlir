tile.array @W 4x4 rule "sgd"
tile.composite @C sum (1.0 * @w)
// ----- gives
composite_unknown_part.mlir:2:1: @w must be an array, a composite or a state of this module, not an unknown name; declare it in the module
