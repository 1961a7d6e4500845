# forewarn: on a new machine with Python 3.11 and make, `make run` and `make test` do all of the set-up
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || echo python3)
WORKERS ?= 3
EXTRAS ?= dev
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
# uv, itself installed from the lock file, checks the hash of every package
INSTALL := VIRTUAL_ENV='$(CURDIR)/$(VENV)' $(BIN)/uv pip install --system-certs --quiet --constraint $(LOCK) --no-build-isolation
DATA ?=
ARGS ?=

.PHONY: help setup run test check format bench docs expect ui deploy worker image stack stack-stop stack-test day lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready-$(EXTRAS) ## build the environment in .venv from the lock file

$(VENV)/.ready-%: $(LOCK) pyproject.toml
	@echo "Building the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/^ *# via/p' $(LOCK) > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(INSTALL) hatchling editables
	@$(INSTALL) --editable '.[$*]'
	@touch $@

run: setup ## the main job: retrain on simulated readings, or with DATA=path/to/readings.csv
	@$(BIN)/forewarn retrain $(if $(DATA),--data '$(DATA)') $(ARGS)

test: setup ## the whole test suite, files in parallel; WORKERS=0 for sequential
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## format, lint, types, import rules, Dockerfile and compose.yaml
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml

format: setup ## format, and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## speed compared with the published implementation
	$(BIN)/python -m benchmarks $(ARGS)

docs: setup ## write docs/configuration.md from the configuration
	$(BIN)/python -m tasks.configuration.document docs/configuration.md

expect: setup ## write docs/what-to-expect.md from a backtest of DATA and a random split of it (half an hour)
	@$(BIN)/forewarn retrain --preset ranjan-2019 --data '$(DATA)' --json mlruns/random-split.json
	@$(BIN)/forewarn backtest --data '$(DATA)' --set readings.replay=causal --json mlruns/backtest.json $(ARGS)
	$(BIN)/python -m tasks.reports.expectations mlruns/backtest.json mlruns/random-split.json docs

ui: setup ## the MLflow UI and the Prefect UI
	@$(BIN)/forewarn ui $(ARGS)

image: ## build the image with docker, podman or buildah; PYTHON_IMAGE=name for another base
	@PYTHON_IMAGE='$(PYTHON_IMAGE)' docker/build_image.sh

stack: setup ## the production stack on this machine, without docker; DATA=path/to/readings.csv
	@$(BIN)/python docker/stack.py up $(if $(DATA),--data '$(DATA)') $(ARGS)

stack-stop: setup ## stop the stack of `make stack`
	@$(BIN)/python docker/stack.py down $(ARGS)

stack-test: setup ## test a separate stack end to end, step by step
	@$(BIN)/python -m tests.stack.life $(ARGS)

day: setup ## simulate a day of a plant in twenty minutes, and write docs/a-day.md
	@$(BIN)/python -m tests.stack.day $(ARGS)

deploy: setup ## deploy schedules, triggers, forms and automations to PREFECT_API_URL; DATA=path/to/readings.csv
	@$(BIN)/forewarn deploy $(if $(DATA),--data '$(DATA)') $(ARGS)

worker: setup ## execute the runs of the Prefect server, until stopped
	@$(BIN)/forewarn worker $(ARGS)

lock: setup ## update the lock file, keeping the versions in it
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --custom-compile-command "make lock" --quiet -o $(LOCK)

clean: ## remove the environment and caches, but not mlruns/
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
