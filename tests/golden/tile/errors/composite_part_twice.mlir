tile.array @W 4x4 rule "sgd"
tile.composite @C sum (1.0 * @W)
tile.composite @D sum (1.0 * @W)
// ----- gives
composite_part_twice.mlir:3:1: a part must be in one composite, once, but @W is in another or again; use another array
