tile.segment @relu row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
tile.entry @step(%x: !tile.vec<4xf32>, %lr: !tile.scalar<f32>) {
  %y = tile.call @relo (%x) : !tile.vec<4xf32>
  tile.return
}
// ----- gives
call_unknown.mlir:3:3: @relo must be a segment of this module, not an unknown name; did you mean @relu?
