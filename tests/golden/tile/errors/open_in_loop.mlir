tile.array @W 4x4 rule "sgd"
tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>, %lr: !tile.scalar<f32>, %n: !tile.scalar<index>) {
  %a = tile.map %i to %n {
    %v = tile.open @W
    %x = tile.unstash %xs[%i]
    tile.commit %v
    tile.yield %x
  }
  tile.return
}
// ----- gives
open_in_loop.mlir:4:5: tile.open must be in the body of an entry, not in a loop; move it out and carry the version
open_in_loop.mlir:6:5: tile.commit must be in the body of an entry, not in a loop; move it out and carry the version
