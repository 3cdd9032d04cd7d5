// fuse-maps
tile.array @W 4x4 rule "sgd"
tile.segment @grad row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %n: !tile.scalar<index>) -> (!tile.stash<!tile.vec<4xf32>>, !tile.stash<!tile.vec<4xf32>>) {
  %v = tile.open @W
  %ys, %read = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %done = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    tile.yield %y, %done
  }
  %ds, %back = tile.map %j to %n {
    %y = tile.unstash %ys[%j]
    %d = tile.call @grad (%y) : !tile.vec<4xf32>
    %dx, %done = tile.mvm_t @W site 0 backward (%d, %v) : !tile.vec<4xf32>
    tile.yield %dx, %done
  }
  tile.commit %v
  tile.return %ys, %ds
}
tile.entry @whole_stash_used(%xs: !tile.stash<!tile.vec<4xf32>>, %n: !tile.scalar<index>) -> !tile.stash<!tile.stash<!tile.vec<4xf32>>> {
  %v = tile.open @W
  %ys = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %done = tile.mvm @W site 0 evaluation (%x, %v) : !tile.vec<4xf32>
    tile.yield %y
  }
  %all = tile.map %j to %n {
    %copy = tile.map %k to %n {
      %y = tile.unstash %ys[%k]
      tile.yield %y
    }
    tile.yield %copy
  }
  tile.commit %v
  tile.return %all
}
// ----- gives
tile.array @W 4x4 rule "sgd"
tile.segment @grad row (!tile.vec<4xf32>) -> !tile.vec<4xf32>

tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %n: !tile.scalar<index>) -> (!tile.stash<!tile.vec<4xf32>>, !tile.stash<!tile.vec<4xf32>>) {
  %v = tile.open @W
  %ys, %read, %ds, %back = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %done = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %d = tile.call @grad (%y) : !tile.vec<4xf32>
    %dx, %done_1 = tile.mvm_t @W site 0 backward (%d, %v) : !tile.vec<4xf32>
    tile.yield %y, %done, %dx, %done_1
  }
  tile.commit %v
  tile.return %ys, %ds
}

tile.entry @whole_stash_used(%xs: !tile.stash<!tile.vec<4xf32>>, %n: !tile.scalar<index>) -> !tile.stash<!tile.stash<!tile.vec<4xf32>>> {
  %v = tile.open @W
  %ys = tile.map %i to %n {
    %x = tile.unstash %xs[%i]
    %y, %done = tile.mvm @W site 0 evaluation (%x, %v) : !tile.vec<4xf32>
    tile.yield %y
  }
  %all = tile.map %j to %n {
    %copy = tile.map %k to %n {
      %y = tile.unstash %ys[%k]
      tile.yield %y
    }
    tile.yield %copy
  }
  tile.commit %v
  tile.return %all
}
