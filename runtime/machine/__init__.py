"""The machine: value engine and clock engine over one program."""
