"""The shell: a thin skin over the Python interface. `main` is the console script `ohmflow`."""

from ohmflow.runtime.cli.main import main as main
