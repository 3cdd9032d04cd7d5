tile.array @W 4x4 rule "sgd"
tile.array @V 4x5 rule "sgd"
tile.composite @C sum (1.0 * @W, 1.0 * @V)
// ----- gives
composite_shapes.mlir:3:1: parts of @C must have one shape, not @W 4x4, @V 4x5; make them alike
