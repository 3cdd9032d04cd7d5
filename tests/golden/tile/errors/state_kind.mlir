tile.state @s memory : !tile.vec<4xf32>
// ----- gives
state_kind.mlir:1:1: @s must be one of parameter, counter, hidden, statistic, chopper, not 'memory'; name its kind
