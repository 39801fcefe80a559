# `make` lists what there is. Every target sets up .venv first, once, and again when
# requirements.lock or pyproject.toml changes.
#
#   make demo PYTHON=python3.12     another interpreter for a new .venv (3.11 to 3.13)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UNFINISHED := $(VENV)/.unfinished
READY_FOR_DOCS := $(VENV)/.ready-for-docs
# -qq: errors only. Byte code is compiled after, on all cores: pip would take one.
PIP := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check
# On two cores. A worker starts with half of the tests in order, so that tests of one file share
# what they set up, and takes over what the other has left.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
TIMINGS := flashsign_cpu flashsign_gpu network_scaling scaling cells_on_disk
# No dependency of the project, so not in the lock: it has an environment of its own.
SBOM := $(VENV)/sbom
SBOM_TOOL := cyclonedx-bom==7.5.0
TORCH := $(shell grep '^torch==' requirements.lock)

.DEFAULT_GOAL := help
.PHONY: help demo check test lint slow compile docs durations mutants bench reliability sbom

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## train on simulated cells and judge the network beside its controls
	@$(BIN)/python train.py

check: lint  ## lint, and the quick tests: a minute, for every change
	@$(PYTEST) -q -m fast

test: $(READY)  ## run the tests; fails below the line coverage that pyproject.toml asks for
	@$(PYTEST) -m "not compile and not slow" --cov --cov-report=term

slow: $(READY)  ## compare long runs with published numbers, and cases as users have them
	@$(PYTEST) -m slow

compile: $(READY)  ## compile the kernels for every chip and width of their tables (minutes, no GPU)
	@$(PYTEST) -m compile

reliability: $(READY)  ## a few tries of each fault of docs/reliability.md (seven minutes)
	@$(BIN)/python scripts/reliability/table.py --short

lint: $(READY)  ## style, format, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: $(READY_FOR_DOCS)  ## build the documentation site into docs/_build/html; warnings are errors
	@$(BIN)/python -m scripts.docs.build

sbom: $(READY)  ## list every dependency with its version in sbom.cdx.json (CycloneDX)
	@test -x $(SBOM)/bin/cyclonedx-py || { $(PYTHON) -m venv $(SBOM) && $(SBOM)/bin/python -m pip install -qq $(SBOM_TOOL); }
	@$(SBOM)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type library --output-reproducible --of JSON --output-file sbom.cdx.json

durations: $(READY)  ## measure how long tests take, by which `make check` chooses
	@$(PYTEST) -m "not compile and not slow" -p tests.durations

mutants: $(READY)  ## change one line of the sources at a time, in a copy: do its tests notice?
	@$(BIN)/python scripts/mutation.py

bench: $(READY)  ## time the kernels, and inference over genes and cells (ten minutes)
	@set -e; for file in $(TIMINGS:%=scripts/timing/%.py); do echo "$$file"; $(BIN)/python "$$file"; done

# What an interrupted set-up left is thrown away: pip takes a half-unpacked package for installed.
# torch comes first, by exact version: asked for by others, pip would take the newest.
# The mark is made before pip reads the lock, so a later change to the lock makes it stale.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("Python 3.11 to 3.13 is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12")'
	@echo "setting up $(VENV) (once, a minute or two)"
	@if [ -e $(UNFINISHED) ]; then rm -rf $(VENV); fi
	@mkdir -p $(VENV) && touch $(UNFINISHED)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --constraint requirements.lock $(TORCH)
	@$(PIP) --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # some files are for other Pythons
	@mv $(UNFINISHED) $@

$(READY_FOR_DOCS): requirements-docs.lock $(READY)
	@$(PIP) --constraint requirements.lock --requirement requirements-docs.lock
	@touch $@
