#!/usr/bin/env bash
# The tests, on the built wheel: in a fresh virtual environment, from a folder in which the sources are not.
# Tests of the tree itself (architecture, pages) stay with the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
workers=${1:-2}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m build --wheel --outdir "$work/dist" . > "$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3}" -m venv "$work/venv"
# Only ready-made packages: installing must not need a compiler.
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
  "$(ls "$work"/dist/*.whl)[dev]"
mkdir "$work/tree"
cp -r tests examples bench docs README.md pyproject.toml "$work/tree/"
rm -rf "$work/tree/tests/architecture" "$work/tree/tests/docs"
cd "$work/tree"
test "$("$work/venv/bin/python" -c 'import ohmflow.targets; print(ohmflow.targets.__file__)')" != "$PWD/targets/__init__.py"
"$work/venv/bin/python" -m pytest -n "$workers" -m "not slow" -q -p no:cacheprovider tests
