// dead-code
tile.array @W 4x4 rule "sgd"
tile.segment @relu row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %first: !tile.vec<4xf32>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %ys, %zs, %hs, %read, %also = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %z, %d2 = tile.mvm @W site 1 forward (%y, %v) : !tile.vec<4xf32>
    %h = tile.call @relu (%y) : !tile.vec<4xf32>
    tile.yield %y, %z, %h, %d1, %d2
  }
  %last, %kept = tile.for %i to %n carry (%unused = %first) {
    %y = tile.unstash %ys[%i]
    %h = tile.call @relu (%y) : !tile.vec<4xf32>
    tile.yield (%h), (%y)
  }
  %v_end = tile.for %i to %n carry (%w = %v) after (%read, %also) {
    %x = tile.unstash %xs[%i]
    %y = tile.unstash %ys[%i]
    %w2 = tile.update @W site 0 (%x, %y, %lr, %w)
    tile.yield (%w2)
  }
  tile.commit %v_end
  tile.return
}
// ----- gives
tile.array @W 4x4 rule "sgd"

tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %first: !tile.vec<4xf32>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %ys, %read = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    tile.yield %y, %d1
  }
  %v_end = tile.for %i to %n carry (%w = %v) after (%read) {
    %x = tile.unstash %xs[%i]
    %y = tile.unstash %ys[%i]
    %w2 = tile.update @W site 0 (%x, %y, %lr, %w)
    tile.yield (%w2)
  }
  tile.commit %v_end
  tile.return
}
