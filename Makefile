# Two words do everything on a machine that has only Python 3.11 and make:
# `make demo` runs the product, `make test` proves it.

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet install --requirement
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade

# Two at once halve the waiting; more would compete for the clock in tests of time-outs.
TOGETHER := --numprocesses 2 --dist loadfile

# Python's development mode checks each allocation, too: a tenth of the time, and no C here is ours.
export PYTHONMALLOC := default

# What meets the database: these tests run again on PostgreSQL and on MariaDB.
ON_DATABASES := $(addprefix tests/, flows/test_dance.py flows/test_sync_killed.py flows/test_ticks.py \
	flows/test_token_commands.py flows/test_tokens.py foreign/test_moving.py \
	access/test_gates.py test_account.py adopting/test_adopting.py sync/test_campaign.py checks/test_character_sets.py \
	sign_in/test_creator_connection.py access/test_declined.py sign_in/test_refused_codes.py test_fields.py access/test_grants.py \
	sign_in/test_interrupted_tokens.py test_leaks.py \
	limits/test_limits.py access/test_many_creators.py sign_in/test_odd_sites.py sign_in/test_pipeline.py access/test_prepared.py sign_in/test_read_only.py \
	tokens/test_second_session.py sign_in/test_sign_in.py access/test_stale.py test_strict_columns.py sync/test_memberships.py sync/test_machine.py \
	sign_in/test_takeover.py test_tick.py access/test_held.py \
	webhooks/test_applying.py webhooks/test_endpoint.py webhooks/test_hooks.py webhooks/test_server.py)

.DEFAULT_GOAL := help
.PHONY: help demo test check databases postgres mariadb e2e bench lock messages clean
.DELETE_ON_ERROR:

help: ## say what there is
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(VENV)/runtime.stamp ## run the example site and a pretend Patreon (ARGS="--port 8010 --sandbox-port 8011" elsewhere)
	@$(RUN) manage.py demo $(ARGS)

test: $(VENV)/test.stamp ## run the tests (ARGS="-k name" for some of them)
	@$(RUN) -m pytest $(TOGETHER) $(ARGS)

check: $(VENV)/dev.stamp ## run everything that must be true before a change is kept
	@echo "Style: ruff, codespell, django-upgrade, djlint"
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m codespell_lib
	@find . -name '*.py' -not -path './$(VENV)/*' -exec $(RUN) -m django_upgrade --check --target-version 5.2 {} +
	@$(RUN) -m djlint --lint --quiet django_patreon example_project
	@echo "Types: mypy"
	@$(RUN) -m mypy
	@echo "Floors: import-linter"
	@$(VENV)/bin/lint-imports --no-cache --no-logo
	@echo "Migrations: complete, and reversible"
	@$(RUN) manage.py makemigrations --check --dry-run --verbosity 0
	@$(RUN) -m tests.reversible
	@echo "Tests, with branch coverage and warnings as errors"
	@rm -f .coverage .coverage.*
	@TEST_THOROUGHLY=1 $(RUN) -X dev -m coverage run -m pytest $(TOGETHER) $(ARGS)
	@$(RUN) -m coverage combine --quiet
	@$(RUN) -m coverage report
	@$(MAKE) --no-print-directory databases

databases: $(VENV)/dev.stamp ## run the tests that meet the database on PostgreSQL and MariaDB, at once
	@echo "Tests on PostgreSQL and MariaDB"
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target postgres mariadb

postgres mariadb: $(VENV)/dev.stamp
	@TEST_DB=$@ $(RUN) -X dev -m pytest -q --create-db $(ON_DATABASES)

e2e: $(VENV)/dev.stamp ## run the tests in a real browser (needs Debian's chromium)
	@$(RUN) -X dev -m pytest tests/e2e $(ARGS)

bench: $(VENV)/dev.stamp ## measure a sign-in, a gate, a sync and a webhook beside others
	@$(RUN) -m benchmarks $(ARGS)
	@echo "Ten thousand accounts to renew: $(RUN) -m benchmarks.refresh 10000 (five minutes)"
	@$(RUN) -m benchmarks.gates
	@echo "Ten thousand members of a campaign (on PostgreSQL, too: --database postgres)"
	@$(RUN) -m benchmarks.sync
	@echo "A webhook delivery (with two servers: --database postgres --server 3)"
	@$(RUN) -m benchmarks.webhooks

lock: $(VENV)/dev.stamp ## choose newer versions of everything that is installed
	@echo "Locking what the product, its tests and its checks need"
	@$(LOCK) --python-version 3.11 pyproject.toml --output-file requirements/runtime.txt
	@$(LOCK) --python-version 3.11 requirements/test.in --output-file requirements/test.txt
	@$(LOCK) --python-version 3.11 requirements/dev.in --output-file requirements/dev.txt
	@echo "Locking the Djangos that we say we support, and the oldest of all that we accept"
	@for django in 5.2 6.0 6.1; do \
		echo "django~=$$django.0" | $(LOCK) --python-version 3.12 --no-deps --no-annotate - \
			--output-file requirements/django-$$django.txt || exit 1; \
	done
	@$(LOCK) --python-version 3.11 --no-deps --no-annotate --resolution lowest-direct pyproject.toml \
		--output-file requirements/lowest.txt

messages: $(VENV)/dev.stamp ## bring the translations in step with the code (needs Debian's gettext)
	@cd django_patreon && for words in "makemessages --ignore=sandbox/* --no-location --no-wrap --no-obsolete -l de -l es -l fr" \
		compilemessages; do ../$(RUN) -m django $$words || exit 1; done

clean: ## remove what the other words made
	@rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache dist demo.sqlite3* demo.sandbox.json*

# An environment whose Python has gone since is installed anew.
$(shell test -x $(RUN) || rm -f $(VENV)/*.stamp)

# PYTHON=/path/to/python3 chooses another one.
$(VENV)/python.stamp:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 none; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	done; \
	if [ "$$python" = none ]; then \
		echo "This needs Python 3.11 or newer, and python3 here is: $$(python3 --version 2>/dev/null || echo missing)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3 ..." >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "Making a virtual environment in $(VENV), with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/runtime.stamp: requirements/runtime.txt | $(VENV)/python.stamp
	@echo "Installing what the product needs"
	@$(PIP) $<
	@touch $@

$(VENV)/test.stamp: requirements/test.txt | $(VENV)/python.stamp
	@echo "Installing what the tests need"
	@$(PIP) $<
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(VENV)/python.stamp
	@echo "Installing what the checks need"
	@$(PIP) $<
	@touch $@
