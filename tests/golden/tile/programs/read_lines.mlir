tile.array @W 64x10 rule "sgd" weights("fc.weight", "float32", "9f86d081884c7d65") alpha 0.5
tile.segment @norm row (!tile.vec<10xf32>) -> !tile.vec<f32> work [simple 20, special 1]

tile.entry @norms(%column: !tile.vec<i64>) -> (!tile.stash<!tile.vec<f32>>, !tile.vec<64xf32>) {
  %w = tile.open @W
  %norms, %rows_read = tile.map %row to 64 {
    %line, %line_done = tile.read @W row (%row, %w) : !tile.vec<10xf32>
    %norm = tile.call @norm (%line) : !tile.vec<f32>
    tile.yield %norm, %line_done
  }
  %one, %column_read = tile.read @W col (%column, %w) : !tile.vec<64xf32>
  %fresh = tile.program @W verify (%w) after (%rows_read, %column_read)
  tile.commit %fresh
  tile.return %norms, %one
}
