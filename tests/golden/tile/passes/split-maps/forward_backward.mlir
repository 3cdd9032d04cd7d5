// split-maps{at=backward}
tile.array @W 4x4 rule "sgd"
tile.segment @grad row (!tile.vec<4xf32>, !tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) -> !tile.stash<!tile.vec<4xf32>> {
  %v = tile.open @W
  %ds, %dxs, %read = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %d = tile.call @grad (%y, %x) : !tile.vec<4xf32>
    %dx, %d2 = tile.mvm_t @W site 0 backward (%d, %v) : !tile.vec<4xf32>
    %both = tile.join %d1, %d2 : !tile.done<@W>
    %dz = tile.call @grad (%dx, %x) : !tile.vec<4xf32>
    tile.yield %d, %dz, %both
  }
  %v_end = tile.for %i to %n carry (%w = %v) after (%read) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %w2 = tile.update @W site 0 (%x, %d, %lr, %w)
    tile.yield (%w2)
  }
  tile.commit %v_end
  tile.return %dxs
}
// ----- gives
tile.array @W 4x4 rule "sgd"
tile.segment @grad row (!tile.vec<4xf32>, !tile.vec<4xf32>) -> !tile.vec<4xf32>

tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) -> !tile.stash<!tile.vec<4xf32>> {
  %v = tile.open @W
  %ds, %d1s = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %d = tile.call @grad (%y, %x) : !tile.vec<4xf32>
    tile.yield %d, %d1
  }
  %dxs, %read = tile.map %i to %n {
    %d = tile.unstash %ds[%i]
    %x = tile.unstash %xs[%i]
    %dx, %d2 = tile.mvm_t @W site 0 backward (%d, %v) : !tile.vec<4xf32>
    %both = tile.join %d1s, %d2 : !tile.done<@W>
    %dz = tile.call @grad (%dx, %x) : !tile.vec<4xf32>
    tile.yield %dz, %both
  }
  %v_end = tile.for %i to %n carry (%w = %v) after (%read) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %w2 = tile.update @W site 0 (%x, %d, %lr, %w)
    tile.yield (%w2)
  }
  tile.commit %v_end
  tile.return %dxs
}
