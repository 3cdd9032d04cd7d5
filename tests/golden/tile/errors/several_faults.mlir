tile.array @W 0x4 rule "sgd"
tile.state @s memory : !tile.vec<4xf32>
// ----- gives
several_faults.mlir:1:1: an array's shape must be at least 1x1, not 0x4; give it rows and columns
several_faults.mlir:2:1: @s must be one of parameter, counter, hidden, statistic, chopper, not 'memory'; name its kind
