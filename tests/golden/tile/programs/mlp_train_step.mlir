tile.array @W1 784x256 rule "sgd" weights("fc1.weight", "float32", "9f86d081884c7d65")
tile.array @W2 256x10 rule "sgd" weights("fc2.weight", "float32", "60303ae22b998861") alpha 0.125
tile.state @b1 parameter : !tile.vec<256xf32> weights("fc1.bias", "float32", "fd61a03af4f77d87")
tile.state @b2 parameter : !tile.vec<10xf32> init 0.0
tile.segment @hidden row (!tile.vec<256xf32>, !tile.vec<256xf32>) -> (!tile.vec<256xf32>, !tile.vec<256xi1>) work [simple 512]
tile.segment @loss row (!tile.vec<10xf32>, !tile.vec<10xf32>, !tile.vec<i64>, !tile.scalar<f32>) -> (!tile.vec<f32>, !tile.vec<10xf32>) work [simple 50, special 20]
tile.segment @hidden_grad row (!tile.vec<256xf32>, !tile.vec<256xi1>) -> !tile.vec<256xf32> work [simple 256]
tile.segment @bias1_sgd batch (!tile.vec<256xf32>, !tile.stash<!tile.vec<256xf32>>, !tile.scalar<f32>) -> !tile.vec<256xf32> work [simple 256 + 512]
tile.segment @bias2_sgd batch (!tile.vec<10xf32>, !tile.stash<!tile.vec<10xf32>>, !tile.scalar<f32>) -> !tile.vec<10xf32> work [simple 10 + 20]
tile.segment @mean batch (!tile.stash<!tile.vec<f32>>) -> !tile.vec<f32> work [simple 1, special 0 + 1]

tile.entry @train_step(%xs: !tile.stash<!tile.vec<784xf32>>, %labels: !tile.stash<!tile.vec<i64>>, %lr: !tile.scalar<f32>, %inv_batch: !tile.scalar<f32>, %batch: !tile.scalar<index>) -> !tile.vec<f32> {
  %w1 = tile.open @W1
  %w2 = tile.open @W2
  %b1 = tile.open @b1
  %b2 = tile.open @b2
  %bias1, %bias1_read = tile.state_get @b1 (%b1) : !tile.vec<256xf32>
  %bias2, %bias2_read = tile.state_get @b2 (%b2) : !tile.vec<10xf32>
  %hs, %masks, %ys, %w1_read, %w2_read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %z, %z_done = tile.mvm @W1 site 0 forward (%x, %w1) : !tile.vec<256xf32>
    %h, %mask = tile.call @hidden (%z, %bias1) : !tile.vec<256xf32>, !tile.vec<256xi1>
    %y, %y_done = tile.mvm @W2 site 0 forward (%h, %w2) : !tile.vec<10xf32>
    tile.yield %h, %mask, %y, %z_done, %y_done
  }
  %losses, %d2s, %d1s, %w2_back = tile.map %j to %batch {
    %y_j = tile.unstash %ys[%j]
    %label = tile.unstash %labels[%j]
    %loss, %d2 = tile.call @loss (%y_j, %bias2, %label, %inv_batch) : !tile.vec<f32>, !tile.vec<10xf32>
    %dh, %dh_done = tile.mvm_t @W2 site 0 backward (%d2, %w2) : !tile.vec<256xf32>
    %mask_j = tile.unstash %masks[%j]
    %d1 = tile.call @hidden_grad (%dh, %mask_j) : !tile.vec<256xf32>
    tile.yield %loss, %d2, %d1, %dh_done
  }
  %w2_next = tile.for %k to %batch carry (%w2_k = %w2) after (%w2_read, %w2_back) {
    %h_k = tile.unstash %hs[%k]
    %d2_k = tile.unstash %d2s[%k]
    %w2_new = tile.update @W2 site 0 scheme "stochastic-compressed" (%h_k, %d2_k, %lr, %w2_k)
    tile.yield (%w2_new)
  }
  %w1_next = tile.for %l to %batch carry (%w1_l = %w1) after (%w1_read) {
    %x_l = tile.unstash %xs[%l]
    %d1_l = tile.unstash %d1s[%l]
    %w1_new = tile.update @W1 site 0 scheme "stochastic-compressed" (%x_l, %d1_l, %lr, %w1_l)
    tile.yield (%w1_new)
  }
  %bias1_next = tile.call @bias1_sgd (%bias1, %d1s, %lr) : !tile.vec<256xf32>
  %bias2_next = tile.call @bias2_sgd (%bias2, %d2s, %lr) : !tile.vec<10xf32>
  %b1_next = tile.state_set @b1 (%bias1_next, %b1) after (%bias1_read)
  %b2_next = tile.state_set @b2 (%bias2_next, %b2) after (%bias2_read)
  %mean = tile.call @mean (%losses) : !tile.vec<f32>
  tile.commit %w1_next
  tile.commit %w2_next
  tile.commit %b1_next
  tile.commit %b2_next
  tile.return %mean
}

tile.entry @program() {
  %w1 = tile.open @W1
  %w2 = tile.open @W2
  %w1_written = tile.program @W1 verify (%w1)
  %w2_written = tile.program @W2 (%w2)
  tile.commit %w1_written
  tile.commit %w2_written
  tile.return
}
