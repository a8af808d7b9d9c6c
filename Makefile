# `make run` and `make test` set up whatever they need; `make help` lists the rest.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
WORKERS ?= 1

VENV := .venv
# Whole files to each process: a file shares what it sets up. The cloud tests share one stack, with threads and many
# processes of its own: they are run by themselves.
SPREAD := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--override requirements/overrides.txt --custom-compile-command "make lock"

.PHONY: help run test test-postgres training sagemaker deploy-tools check lock clean
.DEFAULT_GOAL := help

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: $(VENV)/.portal $(BIN)/imagesift ## serve ImageSift at http://127.0.0.1:8000 (PORT=, HOST=, WORKERS=)
	@$(BIN)/python manage.py prepare
	@exec $(BIN)/python manage.py serve --host $(HOST) --port $(PORT) --workers $(WORKERS) --fetch-detector

test: $(VENV)/.dev $(BIN)/imagesift ## run the tests on SQLite and, where TEST_DATABASE_URL names a server, on PostgreSQL
	$(BIN)/python -m pytest $(SPREAD) --ignore tests/cloud
	$(BIN)/python -m pytest tests/cloud
	@if [ -n "$$TEST_DATABASE_URL" ]; then \
		$(MAKE) --no-print-directory test-postgres; \
	else \
		echo "PostgreSQL: not tested, because TEST_DATABASE_URL names no server. .ci/run starts one."; \
	fi

test-postgres: $(VENV)/.dev
	DATABASE_URL="$$TEST_DATABASE_URL" $(BIN)/python -m pytest $(SPREAD) tests/portal tests/e2e

training: $(VENV)/.training ## install PyTorch and what trains models (large); tests that need it then run too

sagemaker: $(VENV)/.sagemaker ## install SageMaker's SDK for `python -m training submit` (large); tests that need it then run too

deploy-tools: $(VENV)/.infra ## install what `pulumi up` needs; docs/deploy.md says how to go on

check: $(VENV)/.dev $(BIN)/imagesift ## the whole gate: format, lint, types, import directions, deployment checks, migrations, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python infra
	$(BIN)/lint-imports
	IMAGESIFT_MODE=production SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
		ALLOWED_HOSTS=imagesift.example DATABASE_URL=postgres://imagesift@localhost/imagesift \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(MAKE) --no-print-directory test

lock: $(VENV)/.dev ## choose versions anew for requirements/*.txt from requirements/*.in
	$(LOCK) --upgrade --output-file requirements/portal.txt requirements/portal.in
	$(LOCK) --constraint requirements/portal.txt --output-file requirements/web.txt requirements/web.in
	$(LOCK) --constraint requirements/portal.txt --output-file requirements/recognize.txt requirements/recognize.in
	$(LOCK) --upgrade --constraint requirements/portal.txt --output-file requirements/dev.txt requirements/dev.in
	$(LOCK) --constraint requirements/dev.txt --output-file requirements/infra.txt requirements/infra.in
	$(LOCK) --upgrade --override requirements/sagemaker-overrides.txt --constraint requirements/dev.txt \
		--output-file requirements/sagemaker.txt requirements/sagemaker.in

clean: ## remove the virtual environment and caches; your data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ImageSift needs Python 3.11 or newer; name one with PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.portal: requirements/portal.txt | $(VENV)/bin/python
	@echo "Installing what the portal needs into $(VENV) (once, about a minute) ..."
	@$(PIP) -r requirements/portal.txt
	@touch $@

# The command-line client runs from here, on httpx2 of requirements/portal.txt; elsewhere it is `pip install ./client`.
$(BIN)/imagesift: | $(VENV)/.portal
	@echo "$(CURDIR)/client" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/imagesift.pth"
	@printf '#!/bin/sh\nexec "%s" -m imagesift "$$@"\n' "$(CURDIR)/$(BIN)/python" > $@
	@chmod +x $@

$(VENV)/.infra: requirements/infra.txt | $(VENV)/.portal
	@echo "Installing what the Pulumi program needs into $(VENV) (once, about a minute) ..."
	@$(PIP) -r requirements/infra.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/.portal
	@echo "Installing what the tests need into $(VENV) (once, about a minute) ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/.training: requirements/training.in requirements/training.txt | $(VENV)/.dev
	@echo "Installing PyTorch and what trains models into $(VENV) (once, some minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-r requirements/training.in -c requirements/training.txt
	@touch $@

$(VENV)/.sagemaker: requirements/sagemaker.txt | $(VENV)/.dev
	@echo "Installing SageMaker's SDK into $(VENV) (once, some minutes) ..."
	@$(PIP) -r requirements/sagemaker.txt
	@touch $@
