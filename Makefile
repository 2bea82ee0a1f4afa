# Two commands for a fresh machine: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Where Python may not keep what it compiled, each of the thirty processes of a run compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
BIN := .venv/bin
# The environment has a pip of its own only where the machine has none.
MACHINE_PIP := $(shell $(PYTHON) -m pip --version 2> /dev/null)
PIP = $(if $(MACHINE_PIP),$(PYTHON) -m pip --python $(BIN)/python,$(BIN)/python -m pip) --disable-pip-version-check
LOCKED := $(shell cat requirements.lock pyproject.toml | cksum | tr ' ' '-')
RUNS := .venv/run-$(LOCKED)
INSTALLED := .venv/test-$(LOCKED)
BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with the pinned dependencies, each checked against its hash

# One lock, of which each lane installs its part (gtm/trial/lanes.py): what runs, and beside it what tests.
$(RUNS) $(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say PYTHON=... make")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(if $(MACHINE_PIP),--without-pip) .venv
	@sed -n '/^uv==/,/# via/p' requirements.lock > .venv/uv.lock
	@$(BIN)/python gtm/trial/lanes.py $(word 2,$(subst /, ,$(firstword $(subst -, ,$@)))) < requirements.lock > .venv/lane.lock
	@# uv installs in seconds what takes pip more than a minute; pip knows the proxies that uv may not.
	@# Compiled now, or every process compiles 3,000 modules anew where Python may not write beside them.
	$(PIP) install --quiet --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r .venv/lane.lock || \
	  $(PIP) install --quiet --require-hashes -r .venv/lane.lock
	@grep -q '^uv==' .venv/lane.lock || $(PIP) uninstall --quiet --yes uv
	@rm -f $(filter-out $@ .venv/run-$(LOCKED) .venv/test-$(LOCKED),$(wildcard .venv/run-* .venv/test-*)) && touch $@

run: $(if $(wildcard $(INSTALLED)),,$(RUNS)) ## start web, workers and scheduler with the demo organisation; Ctrl-C stops them
	@exec $(BIN)/python -m gtm.trial.run

lint: $(INSTALLED) ## ruff, mypy, import directions, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

# Chromium waits for pages while PostgreSQL works: the two lanes run side by side, and each says what it has
# to say in one piece when it ends. A lane that fails fails the whole, after the other one has ended too.
test: $(INSTALLED) ## everything: linters, the suite on SQLite and on PostgreSQL with Redis, a browser
	@$(MAKE) --jobs=2 --output-sync=target lint ready
	@$(MAKE) test-sqlite
	@if [ -n "$(BROWSER)" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; }; then \
	  $(MAKE) --jobs=2 --output-sync=target --keep-going test-postgres e2e; else $(MAKE) test-postgres; \
	  echo "The browser tests did not run: no Chromium here, and not root to install it (package chromium)."; fi

# What mypy leaves of two cores compiles the tests and migrates the database that every worker copies.
ready: $(INSTALLED)
	@GTM_TEST_DATABASE=sqlite $(BIN)/python -m pytest -q -m "not e2e" -p no:randomly -k "test_kept and deleted"

# A module stays on one worker: many build an organisation once for all their tests.
# The order is shuffled by SEED; another one, with GTM_EXPLORE=1, looks for what this one does not show.
SEED ?= 1
PARALLEL ?= -n auto --dist loadscope --no-loadscope-reorder --randomly-seed=$(SEED)

test-sqlite: $(INSTALLED)
	GTM_TEST_DATABASE=sqlite $(BIN)/python -m pytest -m "not e2e" $(PARALLEL) $(ARGS)

# What two databases do differently: locks, races, triggers, workers, JSON and text in queries, and what the
# doors let through to them. What Python alone decides (calendars, votes, figures, pages) SQLite has shown.
ENGINE := $(patsubst %,tests/plans/engine/%.py,running/test_dispatch gates/test_eligibility gates/test_rounds \
  test_invariants escalation/test_ladder notices/test_delivery notices/test_delivery_queues test_races \
  stopping/test_ripcord stopping/test_ripcord_tasks running/test_runner alarms/test_readings running/test_auditor \
  test_ways_in)
# Who may decide: every walk to an approval by the wrong person (tests/plans/test_walks.py), through each door.
WALKS := $(patsubst %,tests/plans/%.py,admin/test_two_people admin/test_second_person admin/test_authority \
  admin/test_governance_pages engine/escalation/test_rotas management/test_authority_matrix) tests/programs/test_published.py \
  tests/plans/management/test_backup.py tests/plans/management/test_commands.py::test_nobody_starts_nothing \
  tests/plans/management/test_commands.py::test_a_program_is_stopped_and_ended_by_two_people \
  tests/plans/commands/plan_loyalty/test_signals.py::test_a_pool_is_signed_as_what_it_is_a_year \
  tests/plans/commands/launch_program/test_program.py::test_the_people_whom_the_checklist_names_bring_the_shipped_runbook_to_go_live
# Of REST: what reaches the database as text or JSON, filters, and two requests at once; answers are Python's.
ON_POSTGRES := $(patsubst %,tests/gtm/core/evidence/test_%.py,account_audit anchors changelog checkpoints erasure) tests/gtm/core/api \
  tests/gtm/test_celery.py $(ENGINE) $(WALKS) $(patsubst %,tests/plans/api/test_%.py,idempotency_race plans schedules) \
  $(patsubst %,tests/plans/export/test_%.py,passed_off standing) tests/plans/cases $(wildcard tests/plans/test_*.py) tests/programs/api/test_datasets.py \
  tests/test_kept.py

test-postgres: $(INSTALLED)
	GTM_TEST_DATABASE=postgres $(BIN)/python -m pytest -m "not e2e" $(PARALLEL) $(ON_POSTGRES) $(ARGS)

test-slow: $(INSTALLED) ## for a release: 1,000 rounds of each race, 200 long histories, 1,000 forgeries, every upgrade, workbooks in LibreOffice, 100 plans on two hosts with 100 kills, mutation (hours)
	GTM_TEST_DATABASE=postgres $(BIN)/python benchmarks/races.py
	GTM_TEST_DATABASE=sqlite GTM_FORGERIES=1000 $(BIN)/python -m pytest \
	  tests/plans/export/test_forgeries.py tests/plans/export/test_verify.py tests/plans/export/test_verify_plan.py $(ARGS)
	GTM_TEST_DATABASE=sqlite GTM_HISTORIES=200 GTM_HISTORY_STEPS=60 \
	  $(BIN)/python -m pytest tests/plans/engine/test_invariants.py $(ARGS)
	GTM_TEST_DATABASE=sqlite $(BIN)/python -m pytest tests/plans/export/in_libreoffice.py $(ARGS)
	GTM_TEST_DATABASE=sqlite GTM_UPGRADES=all $(BIN)/python -m pytest tests/gtm/test_upgrade.py $(ARGS)
	$(BIN)/python -m benchmarks.two_hosts
	$(BIN)/python benchmarks/mutants.py

fuzz: $(INSTALLED) ## thousands of made-up requests to every address of REST, as everybody (about an hour)
	GTM_TEST_DATABASE=sqlite GTM_EXPLORE=1 GTM_FUZZ_EXAMPLES=$(or $(EXAMPLES),60) \
	  $(BIN)/python -m pytest -q -n auto tests/gtm/core/api/test_contract.py $(ARGS)

# Each shard has a server, a database, a broker and a worker of its own.
SHARDS ?= 2

e2e: $(INSTALLED) ## real Chromium (installed with apt-get when this is root and it is missing)
ifeq ($(BROWSER),)
	@command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ] || \
	  { echo "make e2e needs Chromium and may not install it here: install the package chromium, then again." >&2; exit 1; }
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium
endif
	GTM_TEST_DATABASE=sqlite $(BIN)/python -m pytest -m e2e -n $(SHARDS) --dist loadscope --no-loadscope-reorder tests/e2e \
	  tests/plans/engine/tools/test_playwright_mcp.py $(ARGS)

bench: $(INSTALLED) ## run the benchmarks, each next to similar tools
	@for file in $(filter-out benchmarks/races.py benchmarks/two_hosts.py benchmarks/mutants.py,$(wildcard benchmarks/*.py)); do echo "== $$file"; PYTHONPATH=. $(BIN)/python $$file; done

docs: $(INSTALLED) ## write docs/openapi.yaml from the code
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

clickhouse-sql: $(INSTALLED) ## make ClickHouse's SQL again from the questions in DuckDB's
	DJANGO_SETTINGS_MODULE=tests.settings SECRET_KEY=x $(BIN)/python -m tests.programs.datasets.engines.clickhouse_sql

lock: $(INSTALLED) ## make requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra s3 --extra clickhouse --extra tracing --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean: ## remove .venv and caches; var/ has data and is kept
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup run lint test ready test-sqlite test-postgres test-slow fuzz e2e bench docs lock clean
