tile.array @W 4x4 rule "sgd"
tile.composite @C product (1.0 * @W)
// ----- gives
composite_kind.mlir:2:1: a composite must be one of sum, pair, tiles, not 'product'; name its kind
