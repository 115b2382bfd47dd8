# Everything here works on a fresh clone with Python 3.11 or newer and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
TESTED := $(VENV)/installed-for-tests
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Compiled ahead: without it the first start is several times slower, and read-only installs stay slow.
COMPILE := $(BIN)/python -m compileall -q -j 0 secconsole $(VENV)/lib

.PHONY: demo test lint bench pictures clean

demo: $(INSTALLED)  ## make a throw-away organisation and open the console on it
	@$(BIN)/secconsole demo

test: $(TESTED)  ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'not alone'
	$(BIN)/python -m pytest -m alone tests/terminal

lint: $(TESTED)  ## style, types, and which part may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TESTED)  ## print the figures that the design holds itself to, as ratios taken in one run
	$(BIN)/python -m bench

pictures: $(TESTED)  ## draw the README's pictures from the running program
	$(BIN)/python -m bench.pictures

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "secconsole needs Python 3.11 or newer." >&2; exit 1; }
	@echo "Setting up $(VENV); this takes a minute the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@$(COMPILE)
	@touch $@

$(TESTED): $(INSTALLED)
	@$(PIP) --editable '.[test]'
	@$(COMPILE)
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
