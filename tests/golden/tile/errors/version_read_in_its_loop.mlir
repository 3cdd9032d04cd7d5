tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %v = tile.open @W
  %v2, %a = tile.for %i to %n carry (%w = %v) {
    %x = tile.unstash %xs[%i]
    %y, %d = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    tile.yield (%w), (%y)
  }
  tile.commit %v2
  tile.return
}
// ----- gives
version_read_in_its_loop.mlir:6:5: %v must not be read inside the loop that carries it; read the loop's own version
