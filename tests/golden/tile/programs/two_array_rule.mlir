tile.array @A 64x32 rule "tiki-taka"
tile.array @C 64x32 rule "tiki-taka" weights("fc.weight", "float32", "9f86d081884c7d65")
tile.composite @W sum (0.1 * @A, 1.0 * @C)
tile.state @samples counter : !tile.vec<i64> init 0
tile.segment @grad row (!tile.vec<32xf32>, !tile.vec<32xf32>, !tile.scalar<f32>) -> !tile.vec<32xf32> work [simple 64]
tile.segment @count row (!tile.vec<i64>) -> (!tile.vec<i64>, !tile.vec<i64>) work [simple 2]

tile.entry @train_step(%xs: !tile.stash<!tile.vec<64xf32>>, %targets: !tile.stash<!tile.vec<32xf32>>, %lr: !tile.scalar<f32>, %transfer_lr: !tile.scalar<f32>, %inv_batch: !tile.scalar<f32>, %batch: !tile.scalar<index>) {
  %a = tile.open @A
  %c = tile.open @C
  %s = tile.open @samples
  %ds, %read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %y, %y_done = tile.mvm @W site 0 forward (%x, %a, %c) : !tile.vec<32xf32>
    %target = tile.unstash %targets[%i]
    %d = tile.call @grad (%y, %target, %inv_batch) : !tile.vec<32xf32>
    tile.yield %d, %y_done
  }
  %a_end, %c_end, %s_end = tile.for %i to %batch carry (%a_i = %a, %c_i = %c, %s_i = %s) after (%read) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %a_new = tile.update @A site 0 scheme "stochastic-compressed" (%x, %d, %lr, %a_i)
    %count, %count_read = tile.state_get @samples (%s_i) : !tile.vec<i64>
    %next, %column = tile.call @count (%count) : !tile.vec<i64>, !tile.vec<i64>
    %s_new = tile.state_set @samples (%next, %s_i) after (%count_read)
    %start = tile.join : !tile.done<@A>
    %c_new, %a_read = tile.when %next every 5 carry (%c_w = %c_i, %token = %start) {
      %line_read, %c_out = tile.transfer @A to @C col (%column, %transfer_lr, %a_new, %c_w)
      %both = tile.join %token, %line_read : !tile.done<@A>
      tile.yield (%c_out, %both)
    }
    tile.yield (%a_new, %c_new, %s_new) after (%a_read)
  }
  tile.commit %a_end
  tile.commit %c_end
  tile.commit %s_end
  tile.return
}
