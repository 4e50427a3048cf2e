# Every target sets up what it needs. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WORKERS ?= 2

export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench format lint types validate build lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the virtual environment with everything pinned in requirements/dev.txt

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Postern needs Python 3.11 or later; say which: make PYTHON=python3.13"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## play the whole story on a shop database: agent, operator, auditor
	$(BIN)/python -m postern_local.demo

test: $(READY) ## run the tests
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -q

bench: $(READY) ## print where a statement's time goes
	$(BIN)/python -m bench.statement

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
	$(BIN)/sam validate --lint --template infra/audit.yaml --region us-east-1

build: $(READY) ## build what is deployed (needs python3.13 in PATH)
	$(BIN)/sam build --template template.yaml

lock: $(READY) ## pin the requirements anew
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --extra local --extra dev --output-file requirements/dev.txt pyproject.toml

clean: ## remove what the targets made
	rm -rf $(VENV) .aws-sam .postern .mypy_cache .pytest_cache .ruff_cache .hypothesis
