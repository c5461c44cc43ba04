# `make test` is everything that is checked; it needs nothing but Python >= 3.11 and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= $(DELEGATE_DATA)

.PHONY: test lint types layers tests compare demo benchmarks lock clean help

help:               ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# what is imported is compiled when it is; all of it would be a third more on the disk, for the demo as well
$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-compile --editable .
	@touch $@

$(VENV)/.installed: $(VENV)/.base
	$(PIP) --editable '.[dev]'
	-@$(BIN)/python -m compileall -q $(VENV)/lib
	@touch $@

test: lint types layers tests   ## everything that is checked

lint: $(VENV)/.installed        ## style, docstrings, formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.installed       ## mypy --strict
	$(BIN)/mypy

layers: $(VENV)/.installed      ## who may import whom
	$(BIN)/lint-imports

tests: $(VENV)/.installed       ## the tests, README and docs among them
	$(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

compare: $(VENV)/.base          ## the main job on recorded answers of real models: make compare DATA=FOLDER
	@test -n "$(DATA)" || { echo "Error: say where the recordings are: make compare DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benchmarks/recorded.py math500 --data "$(DATA)"

demo: $(VENV)/.base             ## every policy on the embedded models, live; then one problem step by step
	$(BIN)/delegate compare pocket --samples 200 --out runs/demo
	$(BIN)/delegate demo --run runs/demo

benchmarks: $(VENV)/.installed  ## every table and figure of the README: make benchmarks DATA=FOLDER
	@test -n "$(DATA)" || { echo "Error: say where the recordings are: make benchmarks DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benchmarks/recorded.py all --data "$(DATA)"
	$(BIN)/python benchmarks/grading.py --data "$(DATA)"
	$(BIN)/python benchmarks/speed.py --data "$(DATA)"
	$(BIN)/python benchmarks/client_cpu.py

lock:                           ## write constraints.txt anew from the newest versions that fit
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade --editable '.[dev]'
	build/lock/bin/python -m pip freeze --exclude-editable | sed 's/+.*//' | LC_ALL=C sort -fu > constraints.tmp
	mv constraints.tmp constraints.txt

clean:                          ## away with everything that can be made again
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage
