tile.array @W 4 rule "sgd"
// ----- gives
array_shape.mlir:1:15: an array's shape must be rows x cols such as 64x256, not [4]
