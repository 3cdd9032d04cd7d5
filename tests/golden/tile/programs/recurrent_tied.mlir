tile.array @W 16x16 rule "sgd" weights("cell", "float32", "9f86d081884c7d65")
tile.segment @start row () -> !tile.vec<16xf32>
tile.segment @cell row (!tile.vec<16xf32>, !tile.vec<16xf32>) -> !tile.vec<16xf32> work [simple 16, special 16]
tile.segment @loss_grad row (!tile.vec<16xf32>, !tile.vec<16xf32>, !tile.scalar<f32>) -> !tile.vec<16xf32> work [simple 32]
tile.segment @cell_grad row (!tile.vec<16xf32>, !tile.vec<16xf32>) -> !tile.vec<16xf32> work [simple 48]

tile.entry @train_step(%xs: !tile.stash<!tile.stash<!tile.vec<16xf32>>>, %targets: !tile.stash<!tile.vec<16xf32>>, %lr: !tile.scalar<f32>, %inv_batch: !tile.scalar<f32>, %batch: !tile.scalar<index>) {
  %w = tile.open @W
  %hs, %last, %read = tile.map %i to %batch {
    %x_i = tile.unstash %xs[%i]
    %h0 = tile.call @start () : !tile.vec<16xf32>
    %h_end, %before, %done = tile.for %t to 2 carry (%h = %h0) {
      %x = tile.unstash %x_i[%t]
      %z, %z_done = tile.mvm @W site 0 forward (%h, %w) : !tile.vec<16xf32>
      %h_next = tile.call @cell (%z, %x) : !tile.vec<16xf32>
      tile.yield (%h_next), (%h, %z_done)
    }
    tile.yield %before, %h_end, %done
  }
  %ds, %back = tile.map %i to %batch {
    %h_end = tile.unstash %last[%i]
    %target = tile.unstash %targets[%i]
    %d_end = tile.call @loss_grad (%h_end, %target, %inv_batch) : !tile.vec<16xf32>
    %h_i = tile.unstash %hs[%i]
    %d_start, %d_zs, %done = tile.for %t to 2 reverse carry (%d = %d_end) {
      %h = tile.unstash %h_i[%t]
      %d_z = tile.call @cell_grad (%d, %h) : !tile.vec<16xf32>
      %d_h, %d_done = tile.mvm_t @W site 0 backward (%d_z, %w) : !tile.vec<16xf32>
      tile.yield (%d_h), (%d_z, %d_done)
    }
    tile.yield %d_zs, %done
  }
  %all_read = tile.join %read, %back : !tile.done<@W>
  %w_end = tile.for %i to %batch carry (%w_i = %w) after (%all_read) {
    %h_i = tile.unstash %hs[%i]
    %d_i = tile.unstash %ds[%i]
    %w_out = tile.for %t to 2 carry (%w_t = %w_i) {
      %h = tile.unstash %h_i[%t]
      %d = tile.unstash %d_i[%t]
      %w_new = tile.update @W site 0 (%h, %d, %lr, %w_t)
      tile.yield (%w_new)
    }
    tile.yield (%w_out)
  }
  tile.commit %w_end
  tile.return
}
