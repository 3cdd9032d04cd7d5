tile.array @W 4x4 rule "sgd" blocks <[4:0, 0:4] on 0 at [0, 0]>
// ----- gives
array_block_backwards.mlir:1:39: a block's range must end after it starts, not 4:0; write first:end
