"""Target files; ohmflow finds them by the entry point `ohmflow.targets`."""
