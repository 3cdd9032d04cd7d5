tile.array @P 8x4 rule "sgd"
tile.array @N 8x4 rule "sgd"
tile.array @T0 8x4 rule "sgd"
tile.array @T1 8x4 rule "sgd"
tile.array @Fast 8x4 rule "tiki-taka"
tile.array @SlowP 8x4 rule "tiki-taka"
tile.array @SlowN 8x4 rule "tiki-taka"
tile.composite @Pair pair (1.0 * @P, -1.0 * @N)
tile.composite @Tiles tiles (0.5 * @T0, 0.5 * @T1)
tile.composite @Slow pair (1.0 * @SlowP, -1.0 * @SlowN)
tile.composite @Nested sum (0.25 * @Fast, 1.0 * @Slow)

tile.entry @step(%x: !tile.vec<8xf32>, %d: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> (!tile.vec<4xf32>, !tile.vec<8xf32>, !tile.vec<4xf32>, !tile.vec<4xf32>) {
  %pair = tile.open @Pair
  %y, %y_done = tile.mvm @Pair site 0 forward (%x, %pair) : !tile.vec<4xf32>
  %dx, %dx_done = tile.mvm_t @Pair site 0 backward (%d, %pair) : !tile.vec<8xf32>
  %pair_next = tile.update @Pair site 0 (%x, %d, %lr, %pair) after (%y_done, %dx_done)
  tile.commit %pair_next
  %t0 = tile.open @T0
  %t1 = tile.open @T1
  %yt, %yt_done = tile.mvm @Tiles site 0 forward (%x, %t0, %t1) : !tile.vec<4xf32>
  %t0_next, %t1_next = tile.update @Tiles site 0 (%x, %d, %lr, %t0, %t1) after (%yt_done)
  tile.commit %t0_next
  tile.commit %t1_next
  %fast = tile.open @Fast
  %slow = tile.open @Slow
  %yn, %yn_done = tile.mvm @Nested site 0 evaluation (%x, %fast, %slow) : !tile.vec<4xf32>
  tile.commit %fast
  tile.commit %slow
  tile.return %y, %dx, %yt, %yn
}
