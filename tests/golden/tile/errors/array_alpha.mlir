tile.array @W 4x4 rule "sgd" alpha -1.0
// ----- gives
array_alpha.mlir:1:1: alpha must be a positive number, not -1.0; scale the weights
