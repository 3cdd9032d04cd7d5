tile.array @K 18x8 rule "sgd"
tile.segment @relu row (!tile.vec<12x8xf32>) -> !tile.vec<12x8xf32> work [simple 96] attributes {steps = {count = 4 : i64, needs = [array<i64: 0, 12, 3, 4>], parts = array<i64: 0>}}

tile.entry @train_step(%xs: !tile.stash<!tile.vec<3x9x10xf32>>, %lr: !tile.scalar<f32>, %batch: !tile.scalar<index>) -> !tile.stash<!tile.vec<3x9x10xf32>> {
  %k = tile.open @K
  %images, %ds, %forward, %backward = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %patches = tile.window %x image [3, 9, 10] channels [1, 3] kernel [3, 3] strides [2, 3] pads [0, 1, 1, 2] dilations [1, 2]
    %ys, %read = tile.map %p to 12 {
      %patch = tile.unstash %patches[%p]
      %y, %y_done = tile.mvm @K site 0 forward (%patch, %k) : !tile.vec<8xf32>
      tile.yield %y, %y_done
    }
    %map = tile.stack %ys : !tile.vec<12x8xf32>
    %d = tile.call @relu (%map) : !tile.vec<12x8xf32>
    %rows = tile.split %d
    %gs, %read_back = tile.map %p to 12 {
      %row = tile.unstash %rows[%p]
      %g, %g_done = tile.mvm_t @K site 0 backward (%row, %k) : !tile.vec<18xf32>
      tile.yield %g, %g_done
    }
    %image = tile.fold %gs image [3, 9, 10] channels [1, 3] kernel [3, 3] strides [2, 3] pads [0, 1, 1, 2] dilations [1, 2]
    tile.yield %image, %d, %read, %read_back
  }
  %k_end = tile.for %i to %batch carry (%k_i = %k) after (%forward, %backward) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %patches = tile.window %x image [3, 9, 10] channels [1, 3] kernel [3, 3] strides [2, 3] pads [0, 1, 1, 2] dilations [1, 2]
    %rows = tile.split %d
    %k_last = tile.for %p to 12 carry (%k_p = %k_i) {
      %patch = tile.unstash %patches[%p]
      %row = tile.unstash %rows[%p]
      %k_next = tile.update @K site 0 (%patch, %row, %lr, %k_p)
      tile.yield (%k_next)
    }
    tile.yield (%k_last)
  }
  tile.commit %k_end
  tile.return %images
}
