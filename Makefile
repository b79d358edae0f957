# What a developer does daily. Needs Python >= 3.11, git and make; everything else goes into $(VENV).
#
#   make demo    the main job on the embedded demo hospital      make wheel   sdist and wheel into dist/
#   make test    all tests                                       make docs    pages that are made from code and tests
#   make lint    ruff, hadolint                                  make bench   benchmarks
#   make types   mypy (strict for trialmatch.eligibility)        make clean   remove what was made
#   make requirements   the newest versions of the libraries, with their hashes, into requirements.txt
#   make hapi    a real FHIR server with the demo hospital, on port HAPI_PORT (8080); needs Java >= 17 and Maven

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough; PYTHON=/path/to/python overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types docs requirements bench bench-live bench-prescreen bench-spark wheel serve hapi clean

help:
	@sed -n '3,9s/^# \{0,1\}//p' Makefile

# Stamp files: installing again only when what is installed has changed.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "trialmatch needs Python 3.11 or newer; none was found (try: make PYTHON=/path/to/python)" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) ..."
	@"$(PYTHON)" -m venv "$(VENV)" || { echo "python's venv module is incomplete (Debian, Ubuntu: apt install python3-venv)" >&2; rm -rf "$(VENV)"; exit 1; }
	@touch $@

# The very versions that the image installs, checked by their hashes.
$(VENV)/.pinned: $(VENV)/.made requirements.txt
	@echo "Installing the libraries that trialmatch needs (once) ..."
	@$(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/.run: $(VENV)/.pinned setup.cfg pyproject.toml
	@echo "Installing trialmatch (once) ..."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.pinned setup.cfg pyproject.toml
	@echo "Installing trialmatch and what its tests need (once) ..."
	@$(PIP) install --editable '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.dev: $(VENV)/.pinned setup.cfg pyproject.toml
	@echo "Installing the developer's tools (once) ..."
	@$(PIP) install --editable '.[test,dev]'
	@touch $@ $(VENV)/.test $(VENV)/.run

demo: $(VENV)/.run
	@$(BIN)/trialmatch demo $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.test
	$(BIN)/python -m tests.spec.ucum
	$(BIN)/python -m tests.spec.generate_docs
	$(BIN)/python -m tests.docs.settings
	$(BIN)/python -m tests.docs.http
	$(BIN)/python -m tests.docs.importing
	$(BIN)/python -m tests.packaging.readme

requirements: $(VENV)/.dev
	$(BIN)/uv pip compile --quiet --system-certs --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make requirements" --output-file requirements.txt setup.cfg

bench: $(VENV)/.run
	$(BIN)/python bench/one_patient.py $(ARGS)

bench-live: $(VENV)/.run
	$(BIN)/python bench/live_match.py $(ARGS)

bench-prescreen: $(VENV)/.run
	$(BIN)/python bench/prescreen.py $(ARGS)

bench-spark: $(VENV)/.test
	$(BIN)/python bench/spark.py $(ARGS)

# The wheel is built from the sdist, and the sdist from a clean state: a stale build/ would leak deleted files into it.
wheel: $(VENV)/.dev
	rm -rf build dist service/*.egg-info
	$(BIN)/python -m build --quiet --outdir dist .
	rm -rf build

serve: $(VENV)/.run
	$(BIN)/trialmatch serve $(ARGS)

hapi: $(VENV)/.test
	@$(BIN)/python -m tests.contract

clean:
	rm -rf build dist tests/contract/hapi/target service/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis "$(VENV)"
	find service profiles mappings tests -name __pycache__ -type d -prune -exec rm -rf {} +
