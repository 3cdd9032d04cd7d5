tile.array @W 4x4 rule "sgd" blocks <[0:4, 0:3] on 0 at [0, 0]>
// ----- gives
array_blocks_incomplete.mlir:1:1: blocks must cover every weight of 4x4, not all but 4; add the rest
