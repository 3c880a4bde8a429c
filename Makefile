.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# What the node needs, and what working on it needs: pinned with hashes, so a changed package does not install.
RUN := .venv/run.stamp
DEV := .venv/dev.stamp
# Processes among which `make test` divides the suite: one more than two cores, since much of it waits for nodes to answer.
# With 0 it runs in one, for a debugger.
WORKERS ?= 3
FUZZ := .venv/fuzz.stamp

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
COMPILE := $(LOCK) --no-emit-package regulator-exchange pyproject.toml

##@ Use
.PHONY: run
run: $(RUN) ## Run both nodes here and exchange real notices (ARGS=--once ends by itself)
	$(BIN)/gateway demo $(ARGS)

.PHONY: dist
dist: $(RUN) ## Build what another machine installs into dist/ (docs/operations.md)
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist
	cd clients/python && ../../$(BIN)/python -m hatchling build -t wheel -d ../../dist
	cp requirements.lock dist/

.PHONY: contract
contract: $(DEV) ## Write the contract into one file, for stubs in other languages (protos/README.md)
	mkdir -p build
	$(BIN)/python protos/generate.py --image build/contract.binpb

##@ Check
# Hundreds of processes are started: each would compile the node's code if none could keep it. Of at most three tests that
# fail it is seen, once more and alone, whether they do so always: tests/support/second_run.py.
.PHONY: test
test: $(DEV) ## Run the whole test suite (ARGS=tests/ledger for a part, WORKERS=4 on more cores)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.support.second_run -n $(WORKERS) $(ARGS)

.PHONY: test-long
test-long: $(DEV) ## Run the deep forms of simulation, crash and property tests
	GATEWAY_SCHEDULES=$${GATEWAY_SCHEDULES:-20000} GATEWAY_NODE_SCHEDULES=$${GATEWAY_NODE_SCHEDULES:-1000} \
		GATEWAY_KILLS=$${GATEWAY_KILLS:-500} GATEWAY_NOTICES=$${GATEWAY_NOTICES:-1500} \
		GATEWAY_LARGEST_BYTES=$${GATEWAY_LARGEST_BYTES:-4294967296} \
		$(BIN)/pytest -m long --timeout 7200 $(ARGS)
	$(BIN)/pytest -m hypothesis --hypothesis-profile long --timeout 7200 -n $(WORKERS) $(ARGS)

.PHONY: fuzz
fuzz: $(FUZZ) ## Fuzz each parser of foreign bytes for a minute (ARGS="note --runs 1000000" for one)
	@for target in $(or $(firstword $(ARGS)),$$($(BIN)/python -m tests.fuzz)); do \
		$(BIN)/python -m tests.fuzz $$target $(or $(wordlist 2,9,$(ARGS)),--seconds 60) || exit 1; \
	done

.PHONY: lint
lint: $(DEV) ## Run ruff, mypy, import-linter, buf; check that what is generated is in step
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check
	$(BIN)/python protos/generate.py --image .venv/contract.binpb
	$(BIN)/buf lint .venv/contract.binpb --config protos/buf.yaml
	$(BIN)/python -m docs.draw_states --check docs/protocol.md
	$(BIN)/python -m docs.write_cli --check docs/cli.md
	$(BIN)/python -m docs.write_configuration --check docs/configuration.md
	$(BIN)/python -m docs.write_access --check docs/access.md
	$(BIN)/python -m docs.write_files --check docs/files.md
	$(BIN)/python -m docs.write_metrics --check docs/observability.md
	$(BIN)/python -m tests.benchmarks.page --check docs/performance.md

.PHONY: bench
bench: $(DEV) ## Measure nodes beside their floors, write docs/performance.md (ARGS=--quick for less)
	$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: profile
profile: $(DEV) ## Tell where the processor's time goes, a notice (ARGS="--plain bulk" for less)
	$(BIN)/python -m tests.benchmarks.profile $(ARGS)

.PHONY: heal
heal: $(DEV) ## Measure how soon a pair goes on after partitions (ARGS="--heals N --queued N")
	$(BIN)/python -m tests.benchmarks.healing $(or $(ARGS),--heals 300 --queued 10000)

.PHONY: soak
soak: $(DEV) ## Keep a pair busy, and tell whether anything of it grows (ARGS="--minutes N")
	$(BIN)/python -m tests.benchmarks.soak $(ARGS)

##@ Change
.PHONY: protos
protos: $(DEV) ## Generate the stubs from the contract
	$(BIN)/python protos/generate.py

.PHONY: format
format: $(DEV) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(DEV) ## Pin the newest versions that fit
	$(COMPILE) --group install -o requirements.lock
	$(COMPILE) --extra pkcs11 --group install --group dev -o requirements-dev.lock
	$(LOCK) --group fuzz -o requirements-fuzz.lock

.PHONY: clean
clean: ## Remove what was made here
	rm -rf .venv demo-home build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(RUN): requirements.lock pyproject.toml clients/python/pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e clients/python -e .
	touch $@

$(FUZZ): requirements-fuzz.lock $(DEV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-fuzz.lock
	touch $@

$(DEV): requirements-dev.lock $(RUN)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@
