tile.array @W 4x4 rule "sgd"
tile.array @W 4x4 rule "sgd"
// ----- gives
array_twice.mlir:2:1: @W must be declared once, not again; rename one of them
