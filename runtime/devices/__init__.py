"""Device models, one a file, found by entry point."""
