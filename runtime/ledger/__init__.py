"""The ledger: events, prices, sums, files."""
