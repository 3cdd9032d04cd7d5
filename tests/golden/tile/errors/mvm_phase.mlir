tile.array @W 4x4 rule "sgd"
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %v = tile.open @W
  %y, %d = tile.mvm @W site 0 sideways (%x, %v) : !tile.vec<4xf32>
  tile.commit %v
  tile.return
}
// ----- gives
mvm_phase.mlir:4:3: phase must be one of forward, backward, update, transfer, program, evaluation, not 'sideways'; name one of them
