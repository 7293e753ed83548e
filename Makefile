# Two words do everything on a machine that has only Python 3.11 and make:
# `make demo` runs the product, `make test` proves it.

VENV ?= .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet install --requirement

.DEFAULT_GOAL := help
.PHONY: help demo test check e2e bench lock clean

help: ## say what there is
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(VENV)/runtime.stamp ## run the example site and a pretend Patreon, until Ctrl-C
	@$(RUN) manage.py demo

test: $(VENV)/test.stamp ## run the tests
	@$(RUN) -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## run everything that must be true before a change is kept
	@echo "Style: ruff, codespell"
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m ruff check --quiet .
	@$(VENV)/bin/codespell
	@echo "Types: mypy"
	@$(RUN) -m mypy
	@echo "Floors: import-linter"
	@$(VENV)/bin/lint-imports --no-cache | sed -n '/KEPT\|BROKEN\|^Contracts:/p;/Broken contracts/,$$p' ; exit $${PIPESTATUS[0]}
	@echo "Migrations: complete, and reversible"
	@$(RUN) manage.py makemigrations --check --dry-run --verbosity 0
	@$(RUN) -m tests.reversible
	@echo "Tests, with branch coverage and warnings as errors"
	@rm -f .coverage .coverage.*
	@PYTHONDEVMODE=1 $(RUN) -m coverage run -m pytest $(ARGS)
	@$(RUN) -m coverage combine --quiet
	@$(RUN) -m coverage report --fail-under=94

e2e: $(VENV)/dev.stamp ## run the tests in a real browser (needs Debian's chromium)
	@DJANGO_ALLOW_ASYNC_UNSAFE=true $(RUN) -m pytest tests/e2e --override-ini=addopts="--import-mode=importlib" \
		-W "ignore:Session-scoped fixtures defined as instance methods" $(ARGS)

bench: $(VENV)/dev.stamp ## measure a sign-in beside the stock backends
	@$(RUN) -m benchmarks $(ARGS)

lock: $(VENV)/dev.stamp ## choose newer versions of everything that is installed above
	@$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --upgrade pyproject.toml -o requirements/runtime.txt
	@$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --upgrade requirements/test.in -o requirements/test.txt
	@$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --upgrade requirements/dev.in -o requirements/dev.txt

clean: ## remove what the other words made
	@rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache dist demo.sqlite3

SHELL := /bin/bash

$(VENV)/python.stamp:
	@echo "Making a virtual environment in $(VENV)"
	@for python in python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "This needs Python 3.11, 3.12 or 3.13; found none of them." >&2; exit 1; fi; \
	$$found -m venv --clear $(VENV) || { echo "Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
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
