// expand-composites
tile.array @A 9x4 rule "sgd"
tile.array @B 9x4 rule "sgd"
tile.array @C 9x4 rule "sgd"
tile.composite @AB tiles (0.5 * @A, 0.25 * @B)
tile.composite @W sum (2.0 * @AB, 1.0 * @C)
tile.segment @grad row (!tile.vec<16x4xf32>) -> !tile.vec<16x4xf32>
tile.entry @vectors(%x: !tile.vec<9xf32>, %d: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> (!tile.vec<4xf32>, !tile.vec<9xf32>) {
  %a = tile.open @A
  %b = tile.open @B
  %c = tile.open @C
  %y, %done = tile.mvm @W site 0 forward (%x, %a, %b, %c) : !tile.vec<4xf32>
  %g, %back = tile.mvm_t @W site 0 backward (%d, %a, %b, %c) : !tile.vec<9xf32>
  %a2, %b2, %c2 = tile.update @W site 0 (%x, %d, %lr, %a, %b, %c) after (%done, %back)
  tile.commit %a2
  tile.commit %b2
  tile.commit %c2
  tile.return %y, %g
}
tile.entry @positions(%xs: !tile.stash<!tile.vec<1x8x8xf32>>, %n: !tile.scalar<index>) -> !tile.stash<!tile.vec<1x8x8xf32>> {
  %a = tile.open @A
  %b = tile.open @B
  %c = tile.open @C
  %dxs, %read, %back = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %patches = tile.window %x image [1, 8, 8] kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0]
    %ys, %y_read = tile.map %p to 16 {
      %patch = tile.unstash %patches[%p]
      %y, %done = tile.mvm @W site 0 forward (%patch, %a, %b, %c) : !tile.vec<4xf32>
      tile.yield %y, %done
    }
    %map = tile.stack %ys : !tile.vec<16x4xf32>
    %d = tile.call @grad (%map) : !tile.vec<16x4xf32>
    %rows = tile.split %d
    %gs, %g_read = tile.map %p to 16 {
      %row = tile.unstash %rows[%p]
      %g, %done = tile.mvm_t @W site 0 backward (%row, %a, %b, %c) : !tile.vec<9xf32>
      tile.yield %g, %done
    }
    %dx = tile.fold %gs image [1, 8, 8] kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0]
    tile.yield %dx, %y_read, %g_read
  }
  tile.commit %a
  tile.commit %b
  tile.commit %c
  tile.return %dxs
}
// ----- gives
tile.array @A 9x4 rule "sgd"
tile.array @B 9x4 rule "sgd"
tile.array @C 9x4 rule "sgd"
tile.composite @AB tiles (0.5 * @A, 0.25 * @B)
tile.segment @W.sum0 row (!tile.vec<4xf32>, !tile.vec<4xf32>, !tile.vec<4xf32>) -> !tile.vec<4xf32> work [simple 12] attributes {gains = [1.000000e+00 : f64, 5.000000e-01 : f64, 1.000000e+00 : f64], operators = "Mul Add"}
tile.segment @W.sum1 row (!tile.vec<9xf32>, !tile.vec<9xf32>, !tile.vec<9xf32>) -> !tile.vec<9xf32> work [simple 27] attributes {gains = [1.000000e+00 : f64, 5.000000e-01 : f64, 1.000000e+00 : f64], operators = "Mul Add"}
tile.segment @W.sum2 row (!tile.vec<16x4xf32>, !tile.vec<16x4xf32>, !tile.vec<16x4xf32>) -> !tile.vec<16x4xf32> work [simple 192] attributes {gains = [1.000000e+00 : f64, 5.000000e-01 : f64, 1.000000e+00 : f64], operators = "Mul Add", steps = {count = 4 : i64, needs = [array<i64: 0, 16, 4, 4>, array<i64: 0, 16, 4, 4>, array<i64: 0, 16, 4, 4>], parts = array<i64: 0>}}
tile.segment @W.sum3 row (!tile.vec<16x9xf32>, !tile.vec<16x9xf32>, !tile.vec<16x9xf32>) -> !tile.vec<16x9xf32> work [simple 432] attributes {gains = [1.000000e+00 : f64, 5.000000e-01 : f64, 1.000000e+00 : f64], operators = "Mul Add", steps = {count = 4 : i64, needs = [array<i64: 0, 16, 4, 4>, array<i64: 0, 16, 4, 4>, array<i64: 0, 16, 4, 4>], parts = array<i64: 0>}}
tile.composite @W sum (2.0 * @AB, 1.0 * @C)
tile.segment @grad row (!tile.vec<16x4xf32>) -> !tile.vec<16x4xf32>

tile.entry @vectors(%x: !tile.vec<9xf32>, %d: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) -> (!tile.vec<4xf32>, !tile.vec<9xf32>) {
  %a = tile.open @A
  %b = tile.open @B
  %c = tile.open @C
  %y, %done = tile.mvm @A site 0 forward (%x, %a) : !tile.vec<4xf32>
  %y_1, %done_1 = tile.mvm @B site 0 forward (%x, %b) : !tile.vec<4xf32>
  %y_2, %done_2 = tile.mvm @C site 0 forward (%x, %c) : !tile.vec<4xf32>
  %y_3 = tile.call @W.sum0 (%y, %y_1, %y_2) : !tile.vec<4xf32> attributes {phase = "forward"}
  %done_3 = tile.join %done, %done_1, %done_2 : !tile.done<@W>
  %g, %back = tile.mvm_t @A site 0 backward (%d, %a) : !tile.vec<9xf32>
  %g_1, %back_1 = tile.mvm_t @B site 0 backward (%d, %b) : !tile.vec<9xf32>
  %g_2, %back_2 = tile.mvm_t @C site 0 backward (%d, %c) : !tile.vec<9xf32>
  %g_3 = tile.call @W.sum1 (%g, %g_1, %g_2) : !tile.vec<9xf32> attributes {phase = "backward"}
  %back_3 = tile.join %back, %back_1, %back_2 : !tile.done<@W>
  %a2 = tile.update @A site 0 (%x, %d, %lr, %a) after (%done_3, %back_3)
  %b2 = tile.update @B site 0 (%x, %d, %lr, %b) after (%done_3, %back_3)
  %c2 = tile.update @C site 0 (%x, %d, %lr, %c) after (%done_3, %back_3)
  tile.commit %a2
  tile.commit %b2
  tile.commit %c2
  tile.return %y_3, %g_3
}

tile.entry @positions(%xs: !tile.stash<!tile.vec<1x8x8xf32>>, %n: !tile.scalar<index>) -> !tile.stash<!tile.vec<1x8x8xf32>> {
  %a = tile.open @A
  %b = tile.open @B
  %c = tile.open @C
  %dxs, %read, %back = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %patches = tile.window %x image [1, 8, 8] kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0]
    %ys, %0 = tile.map %p to 16 {
      %patch = tile.unstash %patches[%p]
      %y, %done = tile.mvm @A site 0 forward (%patch, %a) : !tile.vec<4xf32>
      tile.yield %y, %done
    }
    %ys_1, %1 = tile.map %p to 16 {
      %patch = tile.unstash %patches[%p]
      %y, %done = tile.mvm @B site 0 forward (%patch, %b) : !tile.vec<4xf32>
      tile.yield %y, %done
    }
    %ys_2, %2 = tile.map %p to 16 {
      %patch = tile.unstash %patches[%p]
      %y, %done = tile.mvm @C site 0 forward (%patch, %c) : !tile.vec<4xf32>
      tile.yield %y, %done
    }
    %3 = tile.stack %ys : !tile.vec<16x4xf32>
    %4 = tile.stack %ys_1 : !tile.vec<16x4xf32>
    %5 = tile.stack %ys_2 : !tile.vec<16x4xf32>
    %map = tile.call @W.sum2 (%3, %4, %5) : !tile.vec<16x4xf32> attributes {phase = "forward"}
    %y_read = tile.join %0, %1, %2 : !tile.done<@W>
    %d = tile.call @grad (%map) : !tile.vec<16x4xf32>
    %rows = tile.split %d
    %gs, %6 = tile.map %p to 16 {
      %row = tile.unstash %rows[%p]
      %g, %done = tile.mvm_t @A site 0 backward (%row, %a) : !tile.vec<9xf32>
      tile.yield %g, %done
    }
    %gs_1, %7 = tile.map %p to 16 {
      %row = tile.unstash %rows[%p]
      %g, %done = tile.mvm_t @B site 0 backward (%row, %b) : !tile.vec<9xf32>
      tile.yield %g, %done
    }
    %gs_2, %8 = tile.map %p to 16 {
      %row = tile.unstash %rows[%p]
      %g, %done = tile.mvm_t @C site 0 backward (%row, %c) : !tile.vec<9xf32>
      tile.yield %g, %done
    }
    %9 = tile.stack %gs : !tile.vec<16x9xf32>
    %10 = tile.stack %gs_1 : !tile.vec<16x9xf32>
    %11 = tile.stack %gs_2 : !tile.vec<16x9xf32>
    %12 = tile.call @W.sum3 (%9, %10, %11) : !tile.vec<16x9xf32> attributes {phase = "backward"}
    %gs_3 = tile.split %12
    %g_read = tile.join %6, %7, %8 : !tile.done<@W>
    %dx = tile.fold %gs_3 image [1, 8, 8] kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0]
    tile.yield %dx, %y_read, %g_read
  }
  tile.commit %a
  tile.commit %b
  tile.commit %c
  tile.return %dxs
}
