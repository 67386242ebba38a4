# Each target does its own set-up; setup.sh is instant when nothing changed.
#   make demo [SERVE=0]   rehearse MGMT-NET, verify its record, write its report, serve it
#   make test             everything that CI runs
#   make check            the fast part of it
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint matrix expected bench sbom format lock clean

BIN := .venv/bin
DEMO := out/mgmt-net
SERVE ?= 1
PORT ?= 8000
JOBS ?= 2
# Compiled modules are kept, also where the environment says otherwise: a start takes a third.
unexport PYTHONDONTWRITEBYTECODE
# Each of JOBS processes has a core; threads of polars beside them only get in their way.
PYTEST := POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -p no:benchmark -n $(JOBS) --dist worksteal
STUDIES := lung-tmb mgmt-net
MATRIX := docs/reference/requirements-matrix.md

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: ## .venv as requirements.lock says
	@./setup.sh

demo: setup ## rehearse MGMT-NET as published, verify, analyse, report; then serve it (SERVE=0: not)
	@rm -rf $(DEMO)
	$(BIN)/equipoise rehearse mgmt-net --scenario published --seed 1 --out $(DEMO)
	$(BIN)/equipoise verify $(DEMO)/record.sqlite3
	@ls -l $(DEMO)
	@echo "Open $(DEMO)/report.html in a browser."
ifneq ($(SERVE),0)
	$(BIN)/equipoise serve --record $(DEMO)/record.sqlite3 --port $(PORT) --loopback-demo
endif

test: lint ## everything that CI runs: lint, types, contracts, doctests, all tests, both stores
	$(PYTEST) --requirements-matrix=out/requirements-matrix.md

check: lint ## the fast part of `make test`
	$(PYTEST) -q -m "not slow"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

matrix: setup ## run the tests that show a requirement; write docs/reference/requirements-matrix.md
	$(PYTEST) -q -m requirement --requirements-matrix=$(MATRIX) tests

expected: setup ## write anew what twelve rehearsed trials of each bundled study give (read the difference)
	@for study in $(STUDIES); do \
	  $(BIN)/equipoise rehearse $$study --seed 1 --trials 12 --processes 1 --out studies/$$study/expected; \
	done

bench: setup ## benchmarks, one at a time, with the machine they ran on
	$(BIN)/python -m pytest -p no:xdist -s benchmarks

sbom: setup ## a bill of materials (CycloneDX) of what is installed here, in out/sbom.json
	@mkdir -p out
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file out/sbom.json
	@$(BIN)/python -c "import json; print(len(json.load(open('out/sbom.json'))['components']), 'packages in out/sbom.json')"

format: setup ## lay out the code and put its imports in order
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: setup ## requirements.lock from pyproject.toml: versions and hashes, no address
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	  --all-extras --no-header --no-annotate \
	  $(LOCKFLAGS) pyproject.toml -o requirements.lock

clean: ## what can be made again
	rm -rf .venv .cache .hypothesis .benchmarks .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist out
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
