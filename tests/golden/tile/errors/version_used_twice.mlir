tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %a = tile.update @W site 0 (%x, %x, %lr, %v)
  %b = tile.update @W site 1 (%x, %x, %lr, %v)
  tile.commit %a
  tile.commit %b
  tile.return
}
// ----- gives
version_used_twice.mlir:4:3: %v must be consumed once, not 2 times (tile.update, tile.update); use the version that follows it
