"""The sections of a target file, one module each."""
