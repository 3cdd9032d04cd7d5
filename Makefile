# One command each; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help setup demo test test-all test-wheel check format golden docs bench clean

help:  ## List the commands.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: pyproject.toml
	@echo "Setting up $(VENV) (once; downloads packages) ..."
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "ohmflow needs Python 3.11 or newer, not " + sys.version.split()[0]'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@

setup: $(VENV)/.ready  ## Make the virtual environment.

demo: setup  ## Train a perceptron on handwritten digits, on the protonic chip.
	@$(BIN)/ohmflow train examples/models/digits_mlp.onnx -t protonic-psg --data digits --epochs 10 --batch 10 --lr 0.1 \
		-o runs/demo --overwrite

test: setup  ## Run the tests (a few minutes).
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: setup  ## Run all tests, the long ones too.
	@$(BIN)/python -m pytest -n $(WORKERS)

test-wheel: setup  ## Run the tests on the built wheel, in an environment and a folder without the sources.
	@tools/test_wheel.sh $(WORKERS)

check: setup  ## Format, lint, types, import contracts.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## Format the sources.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: setup  ## Rewrite golden files; review them before you commit.
	@OHMFLOW_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q -m "not slow" tests/golden tests/compiler tests/runtime tests/end_to_end

docs: setup  ## Rewrite the pages that are made from the code.
	@$(BIN)/python -m ohmflow.compiler.autodiff.coverage docs/operators.md
	@$(BIN)/python -m ohmflow.compiler.tile.reference docs/reference-tile-ir.md
	@$(BIN)/python -m ohmflow.targets.schema.reference docs/reference-target-files.md

bench: setup  ## Run the benchmarks; the table goes to runs/bench.md.
	@$(BIN)/python bench/run_all.py -o runs/bench.md

clean:  ## Remove the virtual environment and caches.
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
