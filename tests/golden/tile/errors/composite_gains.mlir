tile.array @W 4x4 rule "sgd"
"tile.composite"() <{"sym_name" = "C", "kind" = "sum", "parts" = [@W], "gains" = []}> : () -> ()
// ----- gives
composite_gains.mlir:2:1: gains of @C must be one a part, not 0 for 1 parts; list them all
