tile.array @W 4x4 rule "sgd"
%v = tile.open @W
// ----- gives
operation_in_module.mlir:2:1: tile.open must be inside an entry, not in the module; move it
