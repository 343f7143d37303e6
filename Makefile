# GhostWire. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Modules are kept compiled, whatever the caller's environment says: else each of the many processes that tests start
# would compile Django anew.
unexport PYTHONDONTWRITEBYTECODE
# One lock for all Pythons from 3.11 on; a lock for one of them would lack what others need.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--custom-compile-command "make lock"
# How many processes share the tests: one more than there are processors, since many tests wait for others' work.
JOBS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 1) + 1 )))
# What of the tests to run, and how: make test TESTS=tests/mesh ARGS=-x
TESTS ?=
ARGS ?=
# Which modules to put faults into, and how many faults at most: make mutants MUTANTS=mesh/compile/rows.py SAMPLE=100
MUTANTS ?=
SAMPLE ?=

.PHONY: help run test screenshots accessibility mutants demo bench first-ping stack-test lint lint-types lint-rest lock wheels debian-packages clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: | $(BIN)/python ## Install what is needed into .venv and serve the portal
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/.runtime wheels
	@exec $(BIN)/python manage.py serve

test: debian-packages $(VENV)/.development wheels ## Install what tests need, and run them all
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS) $(TESTS)

screenshots: $(VENV)/.development ## Take pictures of all pages, into docs/screenshots or FOLDER; STATE=empty, loading, error or huge
	@$(BIN)/python -m tests.portal.screens $(or $(FOLDER),docs/screenshots) $(if $(STATE),--state $(STATE))

accessibility: $(VENV)/.development ## Look at every page in every state with axe-core, by keyboard and under a finger
	@$(BIN)/python -m tests.portal.accessibility

mutants: $(VENV)/.development ## Put faults into the policy engine, one at a time; the tests must notice 90 %
	@nice -n 15 $(BIN)/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(MUTANTS)

demo: debian-packages $(VENV)/.development ## Show it: a portal and three machines in network namespaces (needs root)
	@$(BIN)/python -m demo.run

bench: $(VENV)/.development ## Measure speeds and sizes, into bench/results/latest.json
	@$(BIN)/python -m bench

first-ping: $(VENV)/.development ## Time the way from nothing to two machines that ping, on bare Debian (root)
	@$(BIN)/python -m tests.firstping.run

stack-test: $(VENV)/.development ## Bring the stack up under podman, restart each part, lose nothing (root, Debian 12)
	@$(BIN)/python -m tests.stack.run

lint: $(VENV)/.development ## Check style, types, imports, migrations and settings
	@$(MAKE) --no-print-directory --jobs=2 lint-types lint-rest

# It takes as long as all the others together.
lint-types:
	$(BIN)/mypy .

lint-rest:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/hadolint --failure-threshold warning Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/compose-lint --fail-on high docker-compose.yml >/dev/null
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	export GHOSTWIRE_CONFIG=/dev/null GHOSTWIRE_SERVER__DATA_DIR="$$scratch" \
		GHOSTWIRE_SERVER__PUBLIC_URLS=https://portal.example.com; \
	set -x; \
	$(BIN)/python manage.py makemigrations --check --dry-run; \
	$(BIN)/python manage.py check --deploy --fail-level WARNING

lock: $(VENV)/.development ## Resolve what portal, tests and agent require anew into the locks
	$(LOCK) --output-file requirements-dev.lock requirements-dev.txt
	$(LOCK) --constraint requirements-dev.lock --output-file requirements.lock requirements.txt
	$(LOCK) --constraint requirements-dev.lock --output-file agent/requirements.lock agent/pyproject.toml

# What machines fetch from the portal to become nodes; done at once where nothing changed.
wheels: | $(BIN)/python
	@$(BIN)/python agent/install/build_wheels.py || \
		echo "The agent's wheels could not be built, so no machine can install the agent from here yet." >&2

debian-packages:
	@.ci/debian-packages

clean: ## Remove what was installed and built; data stays
	rm -rf $(VENV) build dist agent/build agent/dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "GhostWire needs Python 3.11 or newer, and found none. On Debian: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The locks name every package with its hashes; what is in the development lock holds all of the other. Modules are
# compiled when first imported: pip would compile each of them, one after the other, before anything starts. And since
# the locks are whole, nothing has to be resolved.
$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing GhostWire's requirements into $(VENV) ..."
	@$(PIP) install --no-compile --no-deps --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.development: requirements-dev.lock | $(BIN)/python
	@echo "Installing the requirements for development into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime
