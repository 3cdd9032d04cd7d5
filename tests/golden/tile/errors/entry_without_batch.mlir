tile.entry @step(%xs: !tile.stash<!tile.vec<4xf32>>) {
  tile.return
}
// ----- gives
entry_without_batch.mlir:1:1: @step must say which !tile.scalar<index> argument is the batch of its stashes; add it, or write 'batch %name'
