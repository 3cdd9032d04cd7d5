tile.array @W 4x4 rule "sgd" blocks <
  [0:4, 0:3] on 0 at [0, 0],
  [0:4, 2:4] on 1 at [0, 0]
>
// ----- gives
array_blocks_overlap.mlir:1:1: blocks must be disjoint, not [0:4, 0:3] over [0:4, 2:4] (blocks 0 and 1); cut them anew
