tile.array @K 9x8 rule "sgd" blocks <
  [0:9, 0:4] on 0 at [0, 0],
  [0:9, 4:8] on 0 at [9, 4]
>
tile.segment @patches row (!tile.vec<1x28x28xf32>) -> !tile.vec<676x9xf32> work [simple 6084]
tile.segment @pool row (!tile.vec<676x8xf32>) -> !tile.vec<8x13x13xf32> work [simple 5408]

tile.entry @infer(%xs: !tile.stash<!tile.vec<1x28x28xf32>>, %samples: !tile.scalar<index>, %step: !tile.scalar<index>) -> (!tile.stash<!tile.vec<8x13x13xf32>>, !tile.stash<!tile.stash<!tile.vec<8xf32>>>) batch %samples {
  %k = tile.open @K
  %maps, %kept = tile.map %i to %samples {
    %x = tile.unstash %xs[%i]
    %p = tile.call @patches (%x) : !tile.vec<676x9xf32>
    %rows = tile.split %p
    %ys = tile.map %position to 676 {
      %row = tile.unstash %rows[%position]
      %y, %done = tile.mvm @K site 0 evaluation (%row, %k) : !tile.vec<8xf32>
      tile.yield %y
    }
    %stacked = tile.stack %ys : !tile.vec<676x8xf32>
    %map = tile.call @pool (%stacked) : !tile.vec<8x13x13xf32>
    tile.yield %map, %ys
  }
  tile.commit %k
  tile.return %maps, %kept
}
