tile.aray @W 4x4 rule "sgd"
// ----- gives
unknown_operation.mlir:1:1: tile.aray must be an operation of tile IR, not an unknown name; did you mean tile.array?
