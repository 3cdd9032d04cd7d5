tile.array @W 4x4 rule "sgd" blocks <[0:5, 0:4] on 0 at [0, 0]>
// ----- gives
array_block_outside.mlir:1:1: block 0 must lie inside 4x4, not at [0:5, 0:4]; cut it anew
