tile.array @W 4x4 rule "sgd" blocks <packed 2 "00">
// ----- gives
blocks_packed_short.mlir:1:47: a packed table of 2 blocks must have 56 bytes, not 1; print it anew
