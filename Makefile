# Everything here works on a fresh clone with Python 3.11 or newer and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
INSTALLED := $(VENV)/installed
TESTED := $(VENV)/installed-for-tests
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Half of the tests wait for a terminal, a database or another process: twice as many as cores run at once.
BESIDE := -n $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 2 ))) --dist worksteal -m 'not alone'
ALONE := -m alone tests/tui/test_connection.py
# A busy machine may hold up a terminal, a server and their test longer than any wait. What fails beside others is named,
# and tried once more with nothing else running: a fault of the program fails again.
AGAIN := $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m 'not alone'
# Compiled ahead: without it the first start is several times slower, and read-only installs stay slow.
COMPILE := $(BIN)/python -m compileall -q -j 0 secconsole $(VENV)/lib

.PHONY: help demo test test-quick test-all faults mutations lint bench pictures docs man clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(INSTALLED)  ## create a throw-away organisation and open the console on it
	@$(BIN)/secconsole demo

test: $(TESTED)  ## run the tests, each on the backends where it can differ; TESTS='tests/unit tests/cli' runs some of them
	$(BIN)/python -m pytest --cache-clear $(BESIDE) $(TESTS) || { [ $$? = 1 ] && $(AGAIN) $(TESTS); }
	$(BIN)/python -m pytest $(ALONE)

test-quick: $(TESTED)  ## run the unit tests, the contract on the embedded store, and a handful of each other kind
	$(BIN)/python -m pytest --extent quick $(BESIDE) $(TESTS)

test-all: $(TESTED)  ## run every case on every backend, and as many generated examples as each property asks for
	$(BIN)/python -m pytest --extent all $(BESIDE) $(TESTS)
	$(BIN)/python -m pytest --extent all $(ALONE)

faults: $(TESTED)  ## kill -9 at every statement of unbind, bulk, key rotation, migration and restore: nothing may be half done
	SECCONSOLE_LONG_TESTS=1 $(BIN)/python -m pytest --extent all --timeout 1800 -o faulthandler_timeout=1800 $(BESIDE) $(addprefix tests/store/test_,killed.py faults.py schema.py)

mutations: $(TESTED)  ## break the rules one by one in a copy of the tree: the tests must notice each
	$(BIN)/python -m tests.mutations

lint: $(TESTED)  ## check style, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TESTED)  ## print the performance figures and their limits, as ratios taken in one run
	$(BIN)/python -m bench

pictures: $(TESTED)  ## draw the README's pictures and record its tour from the running program
	$(BIN)/python -m bench.pictures
	$(BIN)/python -m bench.recording

docs: $(TESTED)  ## regenerate the drawing in docs/architecture.md and docs/sign-in-table.md
	$(BIN)/python -m docs.draw_architecture
	$(BIN)/python -m docs.sign_in_table

man: $(TESTED)  ## build the manual page, completion scripts and JSON schemas in build/
	$(BIN)/python -m docs.man_page
	$(BIN)/python -m docs.json_schemas

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

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
