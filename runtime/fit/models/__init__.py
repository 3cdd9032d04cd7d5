"""How device models are fitted, one a file, found through `registry`."""
