tile.array @W 4x4 rule "sgd"
tile.array @V 4x4 rule "sgd"
tile.composite @C pair (1.0 * @W, 1.0 * @V)
// ----- gives
composite_pair_signs.mlir:3:1: gains of the pair @C must have opposite signs, not [1.0, 1.0]; correct them
