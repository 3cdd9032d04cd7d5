tile.array @W 8x8 rule "sgd"
tile.segment @length row (!tile.vec<8xf32>) -> !tile.vec<i64> work [simple 8]
tile.segment @step row (!tile.vec<8xf32>) -> !tile.vec<8xf32> work [special 8]
tile.segment @step_grad row (!tile.vec<8xf32>, !tile.vec<8xf32>) -> !tile.vec<8xf32> work [simple 16]

tile.entry @settle(%xs: !tile.stash<!tile.vec<8xf32>>, %ds: !tile.stash<!tile.vec<8xf32>>, %lr: !tile.scalar<f32>, %batch: !tile.scalar<index>) -> !tile.stash<!tile.vec<8xf32>> {
  %w = tile.open @W
  %lengths, %states, %ends, %read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %n = tile.call @length (%x) : !tile.vec<i64>
    %end, %visited, %done = tile.for %t to %n carry (%h = %x) {
      %z, %z_done = tile.mvm @W site 0 forward (%h, %w) : !tile.vec<8xf32>
      %next = tile.call @step (%z) : !tile.vec<8xf32>
      tile.yield (%next), (%h, %z_done)
    }
    tile.yield %n, %visited, %end, %done
  }
  %w_end = tile.for %i to %batch carry (%w_i = %w) after (%read) {
    %n = tile.unstash %lengths[%i]
    %visited = tile.unstash %states[%i]
    %d0 = tile.unstash %ds[%i]
    %w_out, %d_out = tile.for %t to %n reverse carry (%w_t = %w_i, %d = %d0) {
      %h = tile.unstash %visited[%t]
      %d_next = tile.call @step_grad (%d, %h) : !tile.vec<8xf32>
      %w_new = tile.update @W site 0 (%h, %d_next, %lr, %w_t)
      tile.yield (%w_new, %d_next)
    }
    tile.yield (%w_out)
  }
  tile.commit %w_end
  tile.return %ends
}
